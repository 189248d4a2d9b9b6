//! Tests of the author's side; the seam itself is tested from `tests/`, through real libraries.
