//! A list worked on by every core.

use std::num::NonZeroUsize;

/// The cores at hand.
#[must_use]
pub fn cores() -> NonZeroUsize {
    std::thread::available_parallelism().unwrap_or(NonZeroUsize::MIN)
}

/// What `work` makes of the parts of a list, one part for each thread, in the order of the list. A panic of a part goes on
/// here.
pub fn parts<T: Sync, R: Send>(items: &[T], threads: NonZeroUsize, work: impl Fn(&[T]) -> R + Sync) -> Vec<R> {
    let share = items.len().div_ceil(threads.get()).max(1);
    let work = &work;
    std::thread::scope(|scope| {
        let running: Vec<_> = items.chunks(share).map(|part| scope.spawn(move || work(part))).collect();
        running.into_iter().map(|t| t.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))).collect()
    })
}

/// What `work` makes of each item of a list, in order.
pub fn each<T: Sync, R: Send>(items: &[T], threads: NonZeroUsize, work: impl Fn(&T) -> R + Sync) -> Vec<R> {
    parts(items, threads, |part| part.iter().map(&work).collect::<Vec<R>>()).into_iter().flatten().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_order_is_that_of_the_list_whatever_the_threads() {
        let items: Vec<u32> = (0..17).collect();
        for threads in [1, 2, 5, 40] {
            let threads = NonZeroUsize::new(threads).expect("one at least");
            assert_eq!(each(&items, threads, |i| i * 2), items.iter().map(|i| i * 2).collect::<Vec<_>>());
            assert_eq!(parts(&items, threads, <[u32]>::to_vec).concat(), items);
        }
        assert!(each(&[0_u32; 0], cores(), |i| *i).is_empty());
    }
}
