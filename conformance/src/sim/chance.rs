//! All the chance of a world, from one seed. Not the core's generator: that one is under test.

/// A stream of numbers that depends on nothing but its seed (SplitMix64).
#[derive(Clone, Debug)]
pub(crate) struct Chance(u64);

impl Chance {
    pub(crate) fn new(seed: u64) -> Self {
        Chance(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) ^ 0xD1B5_4A32_D192_ED03)
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        mix(self.0)
    }

    /// From 0 to `n - 1`; 0 if `n` is 0.
    pub(crate) fn below(&mut self, n: u64) -> u64 {
        if n == 0 { 0 } else { self.next() % n }
    }

    /// From `low` to `high`, both included.
    pub(crate) fn between(&mut self, low: u64, high: u64) -> u64 {
        low + self.below(high - low + 1)
    }

    /// True once in `n` times; never if `n` is 0.
    pub(crate) fn one_in(&mut self, n: u64) -> bool {
        n > 0 && self.below(n) == 0
    }

    pub(crate) fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.below(from.len() as u64) as usize]
    }

    /// Sizes as traffic has them: mostly small, now and then large, up to `most`.
    pub(crate) fn size(&mut self, most: u64) -> u64 {
        match self.below(8) {
            0 => 0,
            1 => self.between(1, 3),
            2..=5 => self.between(1, most.clamp(1, 2000)),
            6 => self.between(1, most.clamp(1, 30_000)),
            _ => self.between(1, most.max(1)),
        }
    }

    /// Another stream, which this one goes on independently of.
    pub(crate) fn fork(&mut self) -> Chance {
        Chance(self.next())
    }
}

/// Scatters the bits of `x`.
pub(crate) fn mix(x: u64) -> u64 {
    let mut z = x;
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}
