//! Where a network runs.

use std::fmt;
use std::str::FromStr;
use std::sync::OnceLock;

use ort::ep::{self, ExecutionProvider, ExecutionProviderDispatch};
use ort::session::Session;
use ort::session::builder::SessionBuilder;
use serde::Deserialize;

use super::ModelError;

/// Where a network runs. A device that is asked for and missing is an error, never a silent fall-back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(try_from = "String")]
pub enum Device {
    /// The first CUDA device where the ONNX Runtime at hand can use one, else the CPU.
    #[default]
    Auto,
    /// The CPU.
    Cpu,
    /// A CUDA device by its number.
    Cuda(i32),
    /// A CUDA device by its number, through `TensorRT`.
    TensorRt(i32),
}

impl FromStr for Device {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let number = |rest: &str| rest.parse::<i32>().ok().filter(|n| *n >= 0);
        let device = match text.split_once(':') {
            None if text == "auto" => Some(Self::Auto),
            None if text == "cpu" => Some(Self::Cpu),
            None if text == "cuda" => Some(Self::Cuda(0)),
            None if text == "tensorrt" => Some(Self::TensorRt(0)),
            Some(("cuda", n)) => number(n).map(Self::Cuda),
            Some(("tensorrt", n)) => number(n).map(Self::TensorRt),
            _ => None,
        };
        device.ok_or_else(|| format!("{text:?} is no device: auto, cpu, cuda:N or tensorrt:N"))
    }
}

impl TryFrom<String> for Device {
    type Error = String;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl fmt::Display for Device {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Auto => write!(f, "auto"),
            Self::Cpu => write!(f, "cpu"),
            Self::Cuda(n) => write!(f, "cuda:{n}"),
            Self::TensorRt(n) => write!(f, "tensorrt:{n}"),
        }
    }
}

impl Device {
    /// What `Auto` means with the ONNX Runtime at hand; the others stay.
    pub(super) fn resolved(self) -> Self {
        match self {
            Self::Auto if ep::CUDA::is_available().unwrap_or(false) && has_nvidia_device() && cuda_starts() => {
                Self::Cuda(0)
            }
            Self::Auto => Self::Cpu,
            device => device,
        }
    }

    /// The execution provider of ONNX Runtime that runs it, by its name there.
    #[must_use]
    pub fn provider(self) -> &'static str {
        match self.resolved() {
            Self::Auto | Self::Cpu => "CPUExecutionProvider",
            Self::Cuda(_) => "CUDAExecutionProvider",
            Self::TensorRt(_) => "TensorrtExecutionProvider",
        }
    }

    /// A session to be built, placed on a resolved device.
    pub(super) fn place(self, builder: SessionBuilder) -> Result<SessionBuilder, ModelError> {
        builder.with_execution_providers(self.providers()?).map_err(|e| {
            let library = super::runtime::library();
            ModelError::DeviceFailed { device: self, library, reason: last_of(&e.to_string()) }
        })
    }

    /// The execution providers of a resolved device.
    fn providers(self) -> Result<Vec<ExecutionProviderDispatch>, ModelError> {
        let missing = |device: Self| ModelError::DeviceMissing { device, library: super::runtime::library() };
        let cuda = |n: i32| {
            // The default measures every algorithm of every layer and batch size: 19 s instead of 6 for a small town.
            let search = ep::cuda::ConvAlgorithmSearch::Heuristic;
            ep::CUDA::default().with_device_id(n).with_conv_algorithm_search(search).build().error_on_failure()
        };
        match self {
            Self::Auto | Self::Cpu => Ok(Vec::new()),
            Self::Cuda(n) if ep::CUDA::is_available().unwrap_or(false) => Ok(vec![cuda(n)]),
            Self::TensorRt(n) if ep::TensorRT::is_available().unwrap_or(false) => {
                Ok(vec![ep::TensorRT::default().with_device_id(n).with_fp16(false).build().error_on_failure(), cuda(n)])
            }
            device => Err(missing(device)),
        }
    }
}

/// Whether a session starts on the first CUDA device. The provider may be compiled in, and the driver, CUDA or cuDNN absent.
/// Asked once; that the CPU is used instead is told.
fn cuda_starts() -> bool {
    static STARTS: OnceLock<bool> = OnceLock::new();
    let start = || {
        let environment = super::runtime::environment()?;
        let builder = Session::builder(&environment).map_err(|e| {
            let library = super::runtime::library();
            ModelError::DeviceFailed { device: Device::Cuda(0), library, reason: e.to_string() }
        })?;
        Device::Cuda(0).place(builder)
    };
    *STARTS.get_or_init(|| {
        start()
            .inspect_err(|error| tracing::warn!("the CPU is used, though there is an NVIDIA device: {error}"))
            .is_ok()
    })
}

/// The end of what a provider says, which begins with its own source and a trace of it.
fn last_of(message: &str) -> String {
    let end = message.rsplit(" : ").next().unwrap_or(message);
    end.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Whether the driver of NVIDIA has a device here: of any number (a container may be given the second alone), or through
/// Windows (WSL).
pub(super) fn has_nvidia_device() -> bool {
    ["/dev/nvidiactl", "/dev/dxg"].iter().any(|device| std::path::Path::new(device).exists())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_what_a_provider_says_the_reason_is_kept() {
        let said = "/src/provider.cc:1988 Provider& Library::Get() [ONNXRuntimeError] : 1 : FAIL : Failed to load\n library x.so";
        assert_eq!(last_of(said), "Failed to load library x.so");
        assert_eq!(last_of("invalid device ordinal"), "invalid device ordinal");
    }

    #[test]
    fn a_device_is_read_as_it_is_written() {
        for device in [Device::Auto, Device::Cpu, Device::Cuda(2), Device::TensorRt(0)] {
            assert_eq!(device.to_string().parse(), Ok(device));
        }
        assert!("cuda:-1".parse::<Device>().is_err());
        assert!("gpu".parse::<Device>().expect_err("unknown").contains("cuda:N"));
    }
}
