//! What was measured, and how it is printed.

use std::time::Duration;

/// How long many things took.
#[derive(Debug)]
pub(crate) struct Latencies(Vec<Duration>);

impl Latencies {
    pub(crate) fn of(mut each: Vec<Duration>) -> Self {
        each.sort_unstable();
        Self(each)
    }

    /// The time in ms that so many percent were not above.
    pub(crate) fn at(&self, percent: usize) -> f64 {
        self.0[(self.0.len() - 1) * percent / 100].as_secs_f64() * 1e3
    }
}

/// So many things, and how long they took together and each.
#[derive(Debug)]
pub(crate) struct Rated {
    pub(crate) count: usize,
    pub(crate) took: Duration,
    pub(crate) latencies: Latencies,
}

impl Rated {
    /// How many in a second.
    pub(crate) fn rate(&self) -> f64 {
        self.count as f64 / self.took.as_secs_f64()
    }
}

/// The same thing measured again and again.
#[derive(Debug, Default)]
pub(crate) struct Rounds(Vec<f64>);

impl Rounds {
    pub(crate) fn add(&mut self, figure: f64) {
        self.0.push(figure);
    }

    /// The one in the middle.
    pub(crate) fn median(&self) -> f64 {
        let mut figures = self.0.clone();
        figures.sort_unstable_by(f64::total_cmp);
        figures[figures.len() / 2]
    }

    /// The lowest and the highest.
    pub(crate) fn range(&self) -> (f64, f64) {
        self.0.iter().fold((f64::MAX, f64::MIN), |(low, high), figure| (low.min(*figure), high.max(*figure)))
    }
}

/// Prints a figure that has no target.
pub(crate) fn say(name: &str, figure: impl std::fmt::Display) {
    println!("{name:<46}{figure}");
}

/// Prints a figure that is not to be below its target.
pub(crate) fn at_least(name: &str, figure: f64, target: f64, unit: &str) {
    judged(name, figure, ("at least", target), unit, figure >= target);
}

/// Prints a figure that is not to be above its target.
pub(crate) fn at_most(name: &str, figure: f64, target: f64, unit: &str) {
    judged(name, figure, ("at most", target), unit, figure <= target);
}

fn judged(name: &str, figure: f64, (bound, target): (&str, f64), unit: &str, met: bool) {
    let digits = if figure >= 100.0 { 0 } else { 2 };
    let verdict = if met { "met" } else { "NOT MET" };
    println!("{name:<46}{figure:.digits$} {unit}  ({bound} {target} {unit}: {verdict})");
}

/// The memory that this process has in the machine, in KB.
pub(crate) fn resident() -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

/// How long the disk under a directory takes to make 4 KB durable inside a file, in ms: the median of many.
pub(crate) fn sync_time(dir: &std::path::Path) -> f64 {
    use std::os::unix::fs::FileExt as _;
    const BLOCK: [u8; 4096] = [7; 4096];
    const ROUNDS: u64 = 300;
    let file = std::fs::File::create(dir.join("sync-time")).unwrap();
    let write = |at: u64| file.write_all_at(&BLOCK, at * BLOCK.len() as u64).unwrap();
    (0..ROUNDS).for_each(write);
    file.sync_all().unwrap();
    let mut rounds = Rounds::default();
    for at in 0..ROUNDS {
        let began = std::time::Instant::now();
        write(at);
        file.sync_data().unwrap();
        rounds.add(began.elapsed().as_secs_f64() * 1e3);
    }
    rounds.median()
}
