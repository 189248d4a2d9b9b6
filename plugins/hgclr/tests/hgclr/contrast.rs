//! NT-Xent by hand.

use arborist_hgclr::contrast::nt_xent;
use tch::Tensor;

fn rows(values: &[f32]) -> Tensor {
    Tensor::from_slice(values).view([-1, 2])
}

fn loss(texts: &[f32], views: &[f32], temperature: f64) -> f64 {
    nt_xent(&rows(texts), &rows(views), temperature).double_value(&[])
}

#[test]
fn equal_views_are_found_as_often_as_computed_by_hand() {
    let apart = [1.0, 0.0, 0.0, 1.0];
    assert!((loss(&apart, &apart, 1.0) - 0.551_445).abs() < 1e-5);
    assert!((loss(&apart, &apart, 0.5) - 0.239_545).abs() < 1e-5);
    let swapped = [0.0, 1.0, 1.0, 0.0];
    assert!((loss(&apart, &swapped, 1.0) - 1.551_445).abs() < 1e-5);
}

#[test]
fn lengths_do_not_matter() {
    let texts = [1.0, 0.5, -0.25, 1.0];
    let views = [0.75, 0.5, 0.25, 2.0];
    let scaled = [7.0, 3.5, -0.25, 1.0];
    assert!((loss(&texts, &views, 1.0) - loss(&scaled, &views, 1.0)).abs() < 1e-6);
}
