//! Statistics of measurements: percentiles with intervals, comparisons of runs, drifts, change points.
//!
//! Promise: pure functions of numbers; a figure that the sample does not support is `None`, never zero.
