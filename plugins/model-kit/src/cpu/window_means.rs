//! Means over time of what a convolution with a `ReLU` makes of packed documents, forward and backward.
//!
//! A convolution without padding whose outputs are only ever averaged: its maps, as wide as a text padded to the longest of
//! its batch, are never written down.

use super::dispatch::vectorized;

/// What a group of documents reads.
#[derive(Clone, Copy)]
pub(crate) struct Windows<'a> {
    /// `[tokens, places · width]`: each token times the weights of every place in a window.
    pub(crate) products: &'a [f32],
    /// `[width]`
    pub(crate) bias: &'a [f32],
    pub(crate) places: usize,
    /// First token of each document.
    pub(crate) starts: &'a [usize],
    /// Windows of a text, padding and all.
    pub(crate) windows: usize,
}

impl<'a> Windows<'a> {
    /// Windows that each mean is over.
    fn counted(&self) -> usize {
        self.windows - self.places + 1
    }

    /// The range of each document in rows.
    fn documents(self) -> impl Iterator<Item = std::ops::Range<usize>> + 'a {
        let tokens = self.products.len() / (self.places * self.bias.len());
        let ends = self.starts.iter().skip(1).copied().chain([tokens]);
        self.starts.iter().zip(ends).map(|(&start, end)| start..end)
    }

    /// The places whose mean counts a window.
    fn of_window(&self, window: usize) -> std::ops::Range<usize> {
        let first = (window + 1).saturating_sub(self.counted());
        first..self.places.min(window + 1)
    }
}

vectorized! {
    /// `means`: `[documents, places, width]`, written: for each place the mean of the windows from there on.
    pub(crate) fn forward(windows: Windows<'_>, means: &mut [f32]) => forward_body
}

#[inline(always)]
fn forward_body<const FMA: bool, const ROWS: usize>(windows: Windows<'_>, means: &mut [f32]) {
    let width = windows.bias.len();
    let share = 1.0 / windows.counted() as f32;
    let mut map = vec![0.0_f32; width];
    let documents = windows.documents();
    for (rows, means) in documents.zip(means.chunks_exact_mut(windows.places * width)) {
        means.fill(0.0);
        let real = rows.len().min(windows.windows);
        for window in 0..real {
            read_map(windows, rows.clone(), window, &mut map);
            add(&map, windows.of_window(window), 1.0, means);
        }
        // Windows over nothing but padding are all alike.
        read_map(windows, 0..0, 0, &mut map);
        for (place, mean) in means.chunks_exact_mut(width).enumerate() {
            let padded = (place + windows.counted()).saturating_sub(real.max(place));
            add(&map, 0..1, padded as f32, mean);
        }
        for mean in means {
            *mean *= share;
        }
    }
}

/// The convolution's map at a window of a document that stands in these rows.
#[inline(always)]
fn read_map(windows: Windows<'_>, rows: std::ops::Range<usize>, window: usize, map: &mut [f32]) {
    let width = map.len();
    map.copy_from_slice(windows.bias);
    let first = rows.start + window;
    for (place, row) in (first..rows.end.min(first + windows.places)).enumerate() {
        let products = &windows.products[(row * windows.places + place) * width..][..width];
        for (map, product) in map.iter_mut().zip(products) {
            *map += product;
        }
    }
    for map in map {
        *map = map.max(0.0);
    }
}

#[inline(always)]
fn add(map: &[f32], places: std::ops::Range<usize>, times: f32, sums: &mut [f32]) {
    for sum in sums
        .chunks_exact_mut(map.len())
        .take(places.end)
        .skip(places.start)
    {
        for (sum, map) in sum.iter_mut().zip(map) {
            *sum += times * map;
        }
    }
}

vectorized! {
    /// Gradients of the products, written, and of the biases, added. `gradient`: that of the means.
    pub(crate) fn backward(windows: Windows<'_>, gradient: &[f32], of_products: &mut [f32], of_bias: &mut [f32]) => backward_body
}

#[inline(always)]
fn backward_body<const FMA: bool, const ROWS: usize>(
    windows: Windows<'_>,
    gradient: &[f32],
    of_products: &mut [f32],
    of_bias: &mut [f32],
) {
    let width = windows.bias.len();
    let share = 1.0 / windows.counted() as f32;
    let (mut map, mut slope) = (vec![0.0_f32; width], vec![0.0_f32; width]);
    let documents = windows.documents();
    for (rows, gradient) in documents.zip(gradient.chunks_exact(windows.places * width)) {
        let of_document = &mut of_products
            [rows.start * windows.places * width..rows.end * windows.places * width];
        of_document.fill(0.0);
        let real = rows.len().min(windows.windows);
        for window in 0..real {
            read_map(windows, rows.clone(), window, &mut map);
            slope.fill(0.0);
            let counted = windows.of_window(window);
            let gradients = gradient.chunks_exact(width);
            for gradient in gradients.take(counted.end).skip(counted.start) {
                add(gradient, 0..1, share, &mut slope);
            }
            pass_on(&map, &mut slope, of_bias);
            for (place, row) in (window..rows.len().min(window + windows.places)).enumerate() {
                of_document[(row * windows.places + place) * width..][..width]
                    .copy_from_slice(&slope);
            }
        }
        read_map(windows, 0..0, 0, &mut map);
        slope.fill(0.0);
        for (place, gradient) in gradient.chunks_exact(width).enumerate() {
            let padded = (place + windows.counted()).saturating_sub(real.max(place));
            add(gradient, 0..1, padded as f32 * share, &mut slope);
        }
        pass_on(&map, &mut slope, of_bias);
    }
}

/// Through the `ReLU` to the biases.
#[inline(always)]
fn pass_on(map: &[f32], slope: &mut [f32], of_bias: &mut [f32]) {
    for ((slope, map), of_bias) in slope.iter_mut().zip(map).zip(of_bias) {
        if *map <= 0.0 {
            *slope = 0.0;
        }
        *of_bias += *slope;
    }
}
