//! The memory of processes that do not exist, in MB.

use tribunal_statistics::Random;

/// What the memory of a process does besides leaking.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Series {
    /// Nothing.
    Flat,
    /// Noise.
    Noise,
    /// Wanders by 10 MB a sample, each keeping so much of the one before.
    Wanders(f64),
    /// Grows for a while and is collected.
    Teeth,
    /// Rises and comes to rest.
    WarmUp,
    /// An allocator takes arenas, ever more rarely.
    Plateau,
    /// Ten minutes of much more, ending at this share of the series.
    Burst(f64),
    /// Ten minutes of much less at the start.
    Dip,
}

impl Series {
    /// Those that must not be called leaks.
    pub const ALL: [Series; 10] = [
        Series::Flat,
        Series::Noise,
        Series::Wanders(0.9),
        Series::Wanders(0.99),
        Series::Teeth,
        Series::WarmUp,
        Series::Plateau,
        Series::Burst(1.0),
        Series::Burst(0.55),
        Series::Dip,
    ];

    /// Samples of (seconds, MB), ten seconds apart, with a leak of so much for each hour.
    pub fn samples(self, random: &mut Random, hours: f64, leak: f64) -> Vec<(f64, f64)> {
        let count = (hours * 360.0) as usize;
        let long = hours * 3600.0;
        let mut wandering = match self {
            Self::Wanders(kept) => 10.0 / (1.0 - kept * kept).sqrt() * random.normal(),
            _ => 0.0,
        };
        // Where in its cycle it starts, and when its steps fall, is chance.
        let phase = random.share();
        let steps: Vec<f64> = (0..6)
            .map(|step| long * 0.6 * (1.0 - 0.6_f64.powi(step)) * (0.9 + 0.2 * random.share()))
            .collect();
        (0..count)
            .map(|index| {
                let at = index as f64 * 10.0;
                let noise = 5.0 * random.normal();
                let shape = match self {
                    Self::Flat => -noise,
                    Self::Noise => 3.0 * noise,
                    Self::Wanders(kept) => {
                        wandering = kept * wandering + 10.0 * random.normal();
                        wandering
                    }
                    Self::Teeth => 150.0 * (at / 400.0 + phase).fract(),
                    Self::WarmUp => 300.0 * (1.0 - (-at / (long / 12.0)).exp()),
                    Self::Plateau => 64.0 * steps.iter().filter(|step| at >= **step).count() as f64,
                    Self::Burst(end) if at > end * long - 600.0 && at <= end * long => 500.0,
                    Self::Dip if at < 600.0 => -500.0,
                    Self::Burst(_) | Self::Dip => 0.0,
                };
                (at, 2000.0 + shape + noise + leak * at / 3600.0)
            })
            .collect()
    }
}
