//! How much memory rows may take.

use std::str::FromStr;

use crate::error::{Error, Result};

/// The most memory that rows may take at once. The default is what the system has free, by the cgroup's limit
/// where there is one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Budget(Option<u64>);

impl Budget {
    /// A budget in bytes.
    pub fn bytes(bytes: u64) -> Budget {
        Budget(Some(bytes))
    }

    /// The budget in bytes; `None` where nothing is known.
    pub fn limit(self) -> Option<u64> {
        self.0.or_else(free)
    }

    /// Checks that rows fit, before they are read.
    ///
    /// # Errors
    /// When they do not.
    pub fn require(self, bytes: u64, rows: usize, dims: usize) -> Result<()> {
        match self.limit() {
            Some(limit) if bytes > limit => Err(Error::memory("the rows do not fit in memory")
                .with_code("memory")
                .seen(format!(
                    "{rows} rows of {dims} dimensions take {}, and {} may be used",
                    shown(bytes),
                    shown(limit)
                ))
                .advice("work on a sample with --sample N, or raise --memory")),
            _ => Ok(()),
        }
    }
}

impl FromStr for Budget {
    type Err = String;

    /// `512M`, `2G`, `1.5G`, or bytes.
    fn from_str(text: &str) -> std::result::Result<Budget, String> {
        let text = text.trim();
        let number = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
        let unit =
            match text[number.len()..].to_ascii_uppercase().trim_end_matches("IB").trim_end_matches('B') {
                "" => 1_u64,
                "K" => 1 << 10,
                "M" => 1 << 20,
                "G" => 1 << 30,
                "T" => 1 << 40,
                _ => return Err("give a size such as 512M or 2G".to_owned()),
            };
        match number.trim().parse::<f64>() {
            Ok(size) if size.is_finite() && size > 0.0 => Ok(Budget(Some((size * unit as f64) as u64))),
            _ => Err("give a size such as 512M or 2G".to_owned()),
        }
    }
}

/// A size as it is read: `1.5 GB`.
pub(crate) fn shown(bytes: u64) -> String {
    let units = [("GB", 1_u64 << 30), ("MB", 1 << 20), ("kB", 1 << 10)];
    match units.iter().find(|(_, size)| bytes >= *size) {
        Some((name, size)) => format!("{:.1} {name}", bytes as f64 / *size as f64),
        None => format!("{bytes} bytes"),
    }
}

/// Memory that can be had without swapping: free for the system, and left in the cgroup.
fn free() -> Option<u64> {
    let system = std::fs::read_to_string("/proc/meminfo").ok().and_then(|text| {
        let line = text.lines().find(|line| line.starts_with("MemAvailable:"))?;
        line.split_whitespace().nth(1)?.parse::<u64>().ok().map(|kilobytes| kilobytes << 10)
    });
    let number = |path: &str| std::fs::read_to_string(path).ok()?.trim().parse::<u64>().ok();
    let left = |most: &str, used: &str| Some(number(most)?.saturating_sub(number(used)?));
    let cgroup = left("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory.current").or_else(|| {
        left("/sys/fs/cgroup/memory/memory.limit_in_bytes", "/sys/fs/cgroup/memory/memory.usage_in_bytes")
    });
    [system, cgroup].into_iter().flatten().min()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_read_with_their_units() {
        assert_eq!("2G".parse(), Ok(Budget::bytes(2 << 30)));
        assert_eq!("1.5 MiB".parse(), Ok(Budget::bytes(3 << 19)));
        assert_eq!("4096".parse(), Ok(Budget::bytes(4096)));
        assert!("two".parse::<Budget>().is_err() && "-1G".parse::<Budget>().is_err());
    }

    #[test]
    fn rows_beyond_the_budget_are_refused_with_the_way_out() {
        let error = Budget::bytes(1 << 20).require(4_000_000, 1000, 1000).unwrap_err();
        assert_eq!(error.code(), "memory");
        assert!(error.to_string().contains("3.8 MB, and 1.0 MB may be used"), "{error}");
    }
}
