//! Rows of labels as runs.

/// A label type: 0 is "none".
pub trait Label: Copy + Eq + Into<u32> {}

impl Label for u8 {}
impl Label for u16 {}
impl Label for u32 {}

/// How many pixels are compared at once.
const CHUNK: usize = 16;

/// The columns at which the label differs from the one before, ascending; 0 stands first, the row's width last.
pub(super) fn run_starts<L: Label>(row: &[L], starts: &mut Vec<u32>) {
    starts.clear();
    starts.push(0);
    let (before, after) = (&row[..row.len() - 1], &row[1..]);
    let ((before, before_rest), (after, after_rest)) = (before.as_chunks::<CHUNK>(), after.as_chunks::<CHUNK>());
    let mut col = 1;
    for (a, b) in before.iter().zip(after) {
        if a != b {
            push_changes(a, b, col, starts);
        }
        col += CHUNK as u32;
    }
    push_changes(before_rest, after_rest, col, starts);
    starts.push(row.len() as u32);
}

/// Writes every column and keeps it by moving on only where the labels differ: no branch to mispredict.
fn push_changes<L: Label>(before: &[L], after: &[L], col: u32, starts: &mut Vec<u32>) {
    let mut found = [0; CHUNK];
    let mut count = 0;
    for (i, (a, b)) in before.iter().zip(after).enumerate() {
        found[count & (CHUNK - 1)] = col + i as u32;
        count += usize::from(a != b);
    }
    starts.extend_from_slice(&found[..count]);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_start_where_the_label_changes() {
        for width in 1..70 {
            let row: Vec<u16> = (0..width).map(|i| (i * i / 7) as u16 % 3).collect();
            let mut starts = vec![9];
            run_starts(&row, &mut starts);
            let changes = (1..width).filter(|&i| row[i] != row[i - 1]).map(|i| i as u32);
            let expected: Vec<u32> = std::iter::once(0).chain(changes).chain([width as u32]).collect();
            assert_eq!(starts, expected);
        }
    }
}
