//! Labels composed of a class and an instance.

/// How a label is composed: the class in the low bits, an instance above; instance 0 is "not told apart".
///
/// Regions of one class and different instances are different regions; those of one instance that touch are one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LabelCode {
    class_bits: u32,
}

impl LabelCode {
    /// Classes of one byte, as label blocks have them: 24 bits are left for instances.
    pub const BYTES: Self = Self { class_bits: 8 };

    /// With room for every class up to the largest, and for instances in the bits that are left.
    #[must_use]
    pub fn for_classes_up_to(largest: u32) -> Self {
        Self { class_bits: (u32::BITS - largest.leading_zeros()).max(8) }
    }

    /// The class of a label.
    #[must_use]
    pub fn class(self, label: u32) -> u32 {
        label & self.mask()
    }

    /// The instance of a label.
    #[must_use]
    pub fn instance(self, label: u32) -> u32 {
        label.checked_shr(self.class_bits).unwrap_or(0)
    }

    /// The largest instance.
    #[must_use]
    pub fn most_instances(self) -> u32 {
        self.instance(u32::MAX)
    }

    /// The label of an instance of a class. Label 0 stays 0, and an instance too large loses its upper bits.
    #[must_use]
    pub fn compose(self, class: u32, instance: u32) -> u32 {
        let above = instance.checked_shl(self.class_bits).unwrap_or(0);
        if self.class(class) == 0 { 0 } else { above | self.class(class) }
    }

    fn mask(self) -> u32 {
        u32::MAX >> (u32::BITS - self.class_bits)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn class_and_instance_come_back() {
        for (code, most) in [
            (LabelCode::BYTES, (1 << 24) - 1),
            (LabelCode::for_classes_up_to(1), (1 << 24) - 1),
            (LabelCode::for_classes_up_to(256), (1 << 23) - 1),
            (LabelCode::for_classes_up_to(65_536), (1 << 15) - 1),
            (LabelCode::for_classes_up_to(u32::MAX), 0),
        ] {
            assert_eq!(code.most_instances(), most);
            for instance in [0, 1.min(most), most] {
                let label = code.compose(77, instance);
                assert_eq!((code.class(label), code.instance(label)), (77, instance), "{code:?}");
            }
            assert_eq!(code.compose(0, 1), 0);
        }
    }
}
