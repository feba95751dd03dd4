//! How a model shares a machine with copies of itself.

use std::num::NonZeroUsize;

use super::{Device, ModelError};
use crate::cores::cores;

/// Networks larger than this, together, are held in memory once.
const LARGEST_TWICE_BYTES: u64 = 128 << 20;

/// Where one copy of a model runs, and on how many threads of the processor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lane {
    /// The device.
    pub device: Device,
    /// Threads of a run on the CPU; other devices have their own.
    pub threads: NonZeroUsize,
}

impl From<Device> for Lane {
    /// The one copy of a model: all cores are its own.
    fn from(device: Device) -> Self {
        Self { device, threads: cores() }
    }
}

impl Lane {
    /// The lane of a model whose networks have a size together, and on a CPU that of a copy.
    ///
    /// Threads of one run wait for each other after every layer, and all but one while its output is read. Two runs of half
    /// the threads each wait less: on two cores the city model takes a tenth less time of the processor.
    ///
    /// # Errors
    /// When ONNX Runtime, which is asked what `auto` means, is missing.
    pub fn beside(device: Device, networks_bytes: u64) -> Result<(Self, Option<Self>), ModelError> {
        super::runtime::environment()?;
        Ok(Self::of_cores(device.resolved(), networks_bytes, cores()))
    }

    /// Whether networks of a size together are held in memory once.
    pub(crate) fn is_alone(networks_bytes: u64) -> bool {
        networks_bytes > LARGEST_TWICE_BYTES
    }

    fn of_cores(device: Device, networks_bytes: u64, cores: NonZeroUsize) -> (Self, Option<Self>) {
        let twice = device == Device::Cpu && !Self::is_alone(networks_bytes);
        let copied = NonZeroUsize::new(cores.get() / 2).filter(|_| twice);
        let left = copied.and_then(|copied| NonZeroUsize::new(cores.get() - copied.get()));
        let lane = |threads| Self { device, threads };
        (lane(left.unwrap_or(cores)), copied.map(lane))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lanes_share_the_cores_of_a_cpu_and_nothing_else() {
        let threads = |device, bytes, cores: usize| {
            let (first, copy) = Lane::of_cores(device, bytes, NonZeroUsize::new(cores).expect("one at least"));
            [first].into_iter().chain(copy).map(|lane| lane.threads.get()).collect::<Vec<_>>()
        };
        assert_eq!(threads(Device::Cpu, 1 << 20, 1), [1]);
        assert_eq!(threads(Device::Cpu, 1 << 20, 2), [1, 1]);
        assert_eq!(threads(Device::Cpu, 1 << 20, 5), [3, 2]);
        assert_eq!(threads(Device::Cpu, LARGEST_TWICE_BYTES + 1, 8), [8], "held once");
        assert_eq!(threads(Device::Cuda(0), 1 << 20, 8), [8], "a card is shared by nobody");
    }
}
