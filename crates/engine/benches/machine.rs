//! The machine alone: how long a run of many tasks takes it, and a replay of one.

use divan::counter::ItemsCount;
use divan::{Bencher, black_box};
use lightship_base::Timestamp;
use lightship_engine::machine::{Command, State};
use lightship_engine::testing::{header, loops};
use lightship_engine::{Event, Header, RunState};

fn main() {
    divan::main();
}

/// Runs everything at once and returns all events.
fn run(header: &Header) -> Vec<Event> {
    let mut state = State::new(header);
    let (mut events, mut todo) = (vec![Event::Begun], Vec::new());
    let mut at = 0;
    while at < events.len() {
        let effects = state.step(Timestamp::UNIX_EPOCH, &events[at]);
        for command in effects.expect("every event is legal").commands {
            if let Command::Start(node) = command {
                todo.push(node);
            }
        }
        at += 1;
        if at == events.len()
            && let Some(node) = todo.pop()
        {
            let attempt = state.next_attempt(node);
            events.push(Event::Starting { node, attempt, lookup: None });
            events.push(Event::Succeeded { node, attempt, outputs: std::sync::Arc::default() });
        }
    }
    assert_eq!(state.run_state(), RunState::Succeeded);
    events
}

#[divan::bench]
fn ten_thousand_rounds(bencher: Bencher) {
    let header = header("run-1", loops(&[10_000]));
    bencher.counter(ItemsCount::new(10_000_u32)).bench_local(|| run(black_box(&header)));
}

#[divan::bench]
fn a_hundred_times_a_hundred(bencher: Bencher) {
    let header = header("run-1", loops(&[100, 100]));
    bencher.counter(ItemsCount::new(10_000_u32)).bench_local(|| run(black_box(&header)));
}

#[divan::bench]
fn replay_of_ten_thousand(bencher: Bencher) {
    let header = header("run-1", loops(&[10_000]));
    let events = run(&header);
    bencher.counter(ItemsCount::new(10_000_u32)).bench_local(|| {
        let mut state = State::new(&header);
        for event in &events {
            state.step(Timestamp::UNIX_EPOCH, event).expect("every event was legal");
        }
        state
    });
}
