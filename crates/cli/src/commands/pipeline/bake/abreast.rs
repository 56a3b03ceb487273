//! Work on many things at the same time.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};
use std::thread::{Builder, scope};

/// Does some work for each of these, as many at once as there are worker threads; results in their order.
///
/// The threads are none of the workers: these are for what the work itself does in parallel, and a worker that waits
/// for such work takes up other work of the same kind.
pub(super) fn abreast<T: Send, R: Send>(items: Vec<T>, work: impl Fn(T) -> R + Sync) -> Vec<R> {
    let threads = rayon::current_num_threads().min(items.len());
    let left: Mutex<VecDeque<(usize, T)>> = Mutex::new(items.into_iter().enumerate().collect());
    let done: Mutex<Vec<(usize, R)>> = Mutex::default();
    let next = || left.lock().unwrap_or_else(PoisonError::into_inner).pop_front();
    let worker = || {
        while let Some((at, item)) = next() {
            let result = work(item);
            done.lock().unwrap_or_else(PoisonError::into_inner).push((at, result));
        }
    };
    scope(|scope| {
        // A machine that gives fewer threads does less at once; one is here already.
        for _ in 1..threads {
            if Builder::new().name("abreast".to_owned()).spawn_scoped(scope, worker).is_err() {
                break;
            }
        }
        worker();
    });
    let mut done = done.into_inner().unwrap_or_else(PoisonError::into_inner);
    done.sort_by_key(|(at, _)| *at);
    done.into_iter().map(|(_, result)| result).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_come_in_the_order_of_the_items() {
        let squares = abreast((0_u64..100).collect(), |number| {
            std::thread::sleep(std::time::Duration::from_micros(100 - number));
            number * number
        });
        assert_eq!(squares, (0..100).map(|number| number * number).collect::<Vec<u64>>());
        assert!(abreast(Vec::<u8>::new(), |_| ()).is_empty());
    }
}
