//! The few distributions that the tests here need.
//!
//! Promise: within 1e-10 of SciPy where a decision is made. One function, the incomplete beta, carries the binomial and Student's t.

/// The share of Beta(a, b) below `x`: the continued fraction, by Lentz's method.
fn beta(a: f64, b: f64, x: f64) -> f64 {
    if x <= 0.0 {
        return 0.0;
    }
    if x >= 1.0 {
        return 1.0;
    }
    // It converges fast only below the mean; above, the other side is taken.
    if x > (a + 1.0) / (a + b + 2.0) {
        return 1.0 - beta(b, a, 1.0 - x);
    }
    let front =
        libm::lgamma(a + b) - libm::lgamma(a) - libm::lgamma(b) + a * x.ln() + b * libm::log1p(-x);
    let tiny = f64::MIN_POSITIVE * 1e30;
    let guard = |value: f64| if value.abs() < tiny { tiny } else { value };
    let mut c = 1.0;
    let mut d = 1.0 / guard(1.0 - (a + b) * x / (a + 1.0));
    let mut fraction = d;
    for m in 1..100_000 {
        let m = f64::from(m);
        let even = m * (b - m) * x / ((a + 2.0 * m - 1.0) * (a + 2.0 * m));
        d = 1.0 / guard(1.0 + even * d);
        c = guard(1.0 + even / c);
        fraction *= d * c;
        let odd = -(a + m) * (a + b + m) * x / ((a + 2.0 * m) * (a + 2.0 * m + 1.0));
        d = 1.0 / guard(1.0 + odd * d);
        c = guard(1.0 + odd / c);
        let step = d * c;
        fraction *= step;
        if (step - 1.0).abs() < 1e-15 {
            break;
        }
    }
    (front.exp() * fraction / a).clamp(0.0, 1.0)
}

/// How likely at most `k` of `n` are, each with probability `share`.
fn binomial_at_most(k: u64, n: u64, share: f64) -> f64 {
    if k >= n {
        return 1.0;
    }
    beta((n - k) as f64, k as f64 + 1.0, 1.0 - share)
}

/// The smallest count that at most so many reach with this probability.
pub(crate) fn binomial_quantile(n: u64, share: f64, probability: f64) -> u64 {
    let (mut low, mut high) = (0, n);
    while low < high {
        let half = low.midpoint(high);
        if binomial_at_most(half, n, share) >= probability {
            high = half;
        } else {
            low = half + 1;
        }
    }
    low
}

/// How likely a standard normal value exceeds `z`.
pub(crate) fn normal_tail(z: f64) -> f64 {
    0.5 * libm::erfc(z / std::f64::consts::SQRT_2)
}

/// The value that a standard normal one exceeds with probability `tail`, which lies between 0 and 1.
pub(crate) fn normal_quantile(tail: f64) -> f64 {
    let (mut low, mut high) = (-40.0_f64, 40.0);
    // Each step gains a bit; after these no number lies between.
    for _ in 0..128 {
        let half = low.midpoint(high);
        if normal_tail(half) > tail {
            low = half;
        } else {
            high = half;
        }
    }
    low.midpoint(high)
}

/// How likely Student's t with these degrees of freedom is at least so far from zero, on either side.
pub(crate) fn student_two_sided(t: f64, freedom: f64) -> f64 {
    if t.is_infinite() {
        return 0.0;
    }
    beta(freedom / 2.0, 0.5, freedom / (freedom + t * t))
}
