//! A few measurements of the same thing.

/// Measurements, in no order.
#[derive(Clone, Debug, Default)]
pub(crate) struct Sample(Vec<f64>);

impl Sample {
    /// Adds a measurement.
    pub(crate) fn add(&mut self, value: f64) {
        let place = self.0.partition_point(|other| *other < value);
        self.0.insert(place, value);
    }

    /// Returns the one in the middle; zero without any.
    pub(crate) fn median(&self) -> f64 {
        self.0.get(self.0.len() / 2).copied().unwrap_or_default()
    }

    /// Returns the one that `share` of a hundred do not exceed; zero without any.
    pub(crate) fn percentile(&self, share: usize) -> f64 {
        let last = self.0.len().saturating_sub(1);
        self.0.get((self.0.len() * share / 100).min(last)).copied().unwrap_or_default()
    }

    /// Returns the least; zero without any.
    pub(crate) fn least(&self) -> f64 {
        self.0.first().copied().unwrap_or_default()
    }

    /// Returns the greatest; zero without any.
    pub(crate) fn greatest(&self) -> f64 {
        self.0.last().copied().unwrap_or_default()
    }
}

/// Prints how one figure relates to ours; nothing if it is ours.
pub(crate) fn ratio(figure: f64, ours: f64) -> String {
    if (figure - ours).abs() < f64::EPSILON || ours <= 0.0 {
        return String::new();
    }
    format!(", {:.2} × oras", figure / ours)
}
