//! Connected pixels of one label: union-find, and what is counted of them while tracing.

/// No component: the space around the blocks.
pub(super) const OUTSIDE: u32 = u32::MAX;

/// Disjoint sets; the smallest member stands for its set.
#[derive(Debug, Clone, Default)]
pub(crate) struct DisjointSets(Vec<u32>);

impl DisjointSets {
    /// `count` sets of one member.
    pub(crate) fn new(count: usize) -> Self {
        Self((0..count as u32).collect())
    }

    /// A new set of one member.
    pub(crate) fn push(&mut self) -> u32 {
        let member = self.0.len() as u32;
        self.0.push(member);
        member
    }

    /// The smallest member of the set of `member`; halves the path on the way.
    pub(crate) fn find(&mut self, mut member: u32) -> u32 {
        loop {
            let parent = self.0[member as usize];
            if parent == member {
                return member;
            }
            let grandparent = self.0[parent as usize];
            self.0[member as usize] = grandparent;
            member = grandparent;
        }
    }

    /// Makes the sets of both one.
    pub(crate) fn unite(&mut self, a: u32, b: u32) {
        if a != b {
            let (a, b) = (self.find(a), self.find(b));
            self.0[a.max(b) as usize] = a.min(b);
        }
    }

    /// Each member's set as a number, counted from 0 in the order of the smallest members.
    pub(super) fn numbers(&self) -> Vec<u32> {
        let mut numbers = vec![0; self.0.len()];
        let mut count = 0;
        for member in 0..self.0.len() {
            // A parent is never larger, so its number is already final.
            let parent = self.0[member] as usize;
            if parent == member {
                numbers[member] = count;
                count += 1;
            } else {
                numbers[member] = numbers[parent];
            }
        }
        numbers
    }
}

/// What is counted of each component, one entry per component.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Tally {
    pub(super) label: Vec<u32>,
    /// First pixel (row, column) in row-major order, relative to the block.
    pub(super) first: Vec<[u32; 2]>,
    pub(super) pixels: Vec<u64>,
    /// Empty when there is no confidence.
    pub(super) confidence_sum: Vec<u64>,
    /// Empty when there is no confidence.
    pub(super) confidence_min: Vec<u8>,
    /// Empty when it is not told what is unknown.
    pub(super) unknown_sum: Vec<u64>,
}

/// The sum of some bytes.
pub(super) fn sum(bytes: &[u8]) -> u64 {
    // Sums of 64 bytes fit 16 bits: narrow lanes let the compiler add many at once.
    bytes.chunks(64).map(|c| u64::from(c.iter().map(|&v| u16::from(v)).sum::<u16>())).sum()
}

impl Tally {
    /// A new component with no pixels yet; `told`: whether confidence and what is unknown are.
    pub(super) fn push(&mut self, label: u32, first: [u32; 2], [confident, tells_unknown]: [bool; 2]) {
        self.label.push(label);
        self.first.push(first);
        self.pixels.push(0);
        if confident {
            self.confidence_sum.push(0);
            self.confidence_min.push(u8::MAX);
        }
        if tells_unknown {
            self.unknown_sum.push(0);
        }
    }

    /// Counts the confidences of some pixels of a component.
    pub(super) fn add_confidence(&mut self, component: u32, confidence: &[u8]) {
        let at = component as usize;
        self.confidence_sum[at] += sum(confidence);
        let min = confidence.iter().copied().fold(u8::MAX, u8::min);
        self.confidence_min[at] = self.confidence_min[at].min(min);
    }

    /// Adds up the entries that have the same number; numbers count from 0 in the order of their first entries.
    pub(super) fn folded(&self, numbers: &[u32]) -> Self {
        let told = [&self.confidence_sum, &self.unknown_sum].map(|sums| !sums.is_empty());
        let mut out = Self::default();
        for (i, &number) in numbers.iter().enumerate() {
            let number = number as usize;
            if number == out.label.len() {
                out.push(self.label[i], self.first[i], told);
            }
            out.pixels[number] += self.pixels[i];
            if let Some(sum) = self.confidence_sum.get(i) {
                out.confidence_sum[number] += sum;
                out.confidence_min[number] = out.confidence_min[number].min(self.confidence_min[i]);
            }
            if let Some(sum) = self.unknown_sum.get(i) {
                out.unknown_sum[number] += sum;
            }
        }
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sets_are_numbered_by_their_smallest_member() {
        let mut sets = DisjointSets::new(6);
        sets.unite(5, 1);
        sets.unite(3, 5);
        sets.unite(0, 4);
        assert_eq!(sets.numbers(), [0, 1, 2, 1, 0, 1]);
    }

    #[test]
    fn confidence_is_summed_exactly() {
        let mut tally = Tally::default();
        tally.push(1, [0, 0], [true, false]);
        let confidence: Vec<u8> = (0..1000).map(|i| 255 - (i % 5) as u8).collect();
        tally.add_confidence(0, &confidence);
        assert_eq!(tally.confidence_sum[0], confidence.iter().map(|&v| u64::from(v)).sum::<u64>());
        assert_eq!(tally.confidence_min[0], 251);
    }
}
