//! How much memory work may take, and what is left of it before the work begins.

use std::io::Read;
use std::path::Path;
use std::str::FromStr;

use crate::error::{Error, Result};

/// The most memory that rows and the work on them may take. The default is what can be had: what the system has free, within
/// the limits of the cgroup (Docker, Slurm) and of the shell (`ulimit -v`).
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

    /// The budget in bytes, if one was given.
    pub fn given(self) -> Option<u64> {
        self.0
    }

    /// How many rows of `dims` dimensions a block has where `wanted` are wanted: where a budget was given, no more than a
    /// sixteenth of it holds, in whole leaves, and at least one leaf. No result depends on it.
    pub fn block_rows(self, wanted: usize, dims: usize) -> usize {
        const LEAF: usize = 2048;
        let Some(bytes) = self.0 else { return wanted };
        let fit = usize::try_from(bytes / 16 / (4 * dims.max(1) as u64)).unwrap_or(usize::MAX);
        wanted.min((fit / LEAF).max(1) * LEAF)
    }

    /// Checks that rows fit, before they are read.
    ///
    /// # Errors
    /// When they do not.
    pub fn require(self, bytes: u64, rows: usize, dims: usize) -> Result<()> {
        let Some(limit) = self.limit().filter(|limit| bytes > *limit) else { return Ok(()) };
        Err(Error::memory("the rows do not fit in memory")
            .with_code("memory")
            .seen(format!(
                "{rows} rows of {dims} dimensions take {}, and {} may be used",
                shown(bytes),
                shown(limit)
            ))
            .advice(WAY_OUT))
    }

    /// Checks that work fits that takes so many bytes beside rows in memory, which take `held` bytes.
    ///
    /// # Errors
    /// When it does not.
    pub fn require_work(self, what: &str, bytes: u64, held: u64) -> Result<()> {
        // What is free is without the rows already.
        let all = if self.0.is_some() { bytes.saturating_add(held) } else { bytes };
        let Some(limit) = self.limit().filter(|limit| bytes > 0 && all > *limit) else { return Ok(()) };
        Err(Error::memory(format!("{what} does not fit in memory"))
            .with_code("memory")
            .seen(format!("it takes about {}, and {} may be used", shown(all), shown(limit)))
            .advice(WAY_OUT))
    }
}

/// The error for rows that take too much while they are read.
pub(crate) fn too_large(rows: usize, bytes: u64, limit: u64) -> Error {
    Error::memory("the rows do not fit in memory")
        .with_code("memory")
        .seen(format!("the first {rows} rows take {}, and {} may be used", shown(bytes), shown(limit)))
        .advice("use a part of the file, or say with --memory how much may be used")
}

const WAY_OUT: &str = "work on a sample with --sample N, or say with --memory how much may be used";

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

/// A whole file, if memory can hold it: a device has no end.
///
/// # Errors
/// When it cannot be read, or is too large.
pub(crate) fn read_whole(path: &Path) -> Result<Vec<u8>> {
    let file = std::fs::File::open(path).map_err(|error| Error::io("cannot open", error).file(path))?;
    let regular = file.metadata().is_ok_and(|about| about.is_file());
    // No pipe brings a model of more than this.
    let most = Budget::default().limit().unwrap_or(u64::MAX).min(if regular { u64::MAX } else { 1 << 30 });
    let mut bytes = Vec::new();
    file.take(most.saturating_add(1))
        .read_to_end(&mut bytes)
        .map_err(|error| Error::io("cannot read", error).file(path))?;
    if bytes.len() as u64 > most {
        return Err(Error::memory("the file does not fit in memory")
            .file(path)
            .seen(format!("more than {}", shown(most)))
            .advice("check that it is the file that was meant"));
    }
    Ok(bytes)
}

/// Memory that can be had without swapping: free for the system, left in the cgroup, left of the address space.
fn free() -> Option<u64> {
    let read = |path: &str| std::fs::read_to_string(path).unwrap_or_default();
    let system = kilobytes(&read("/proc/meminfo"), "MemAvailable:");
    let cgroup = left_in_cgroups(&read("/proc/self/cgroup"), Path::new("/sys/fs/cgroup"));
    let used = kilobytes(&read("/proc/self/status"), "VmSize:");
    let space = address_space(&read("/proc/self/limits"))
        .zip(used)
        .map(|(limit, used)| limit.saturating_sub(used).saturating_sub(reserved_by_threads()));
    [system, cgroup, space].into_iter().flatten().min()
}

/// A line such as `MemAvailable:  1024 kB`, in bytes.
fn kilobytes(text: &str, name: &str) -> Option<u64> {
    let line = text.lines().find_map(|line| line.strip_prefix(name))?;
    line.split_whitespace().next()?.parse::<u64>().ok().map(|kilobytes| kilobytes << 10)
}

/// The limit of `ulimit -v`, in bytes.
fn address_space(limits: &str) -> Option<u64> {
    limits
        .lines()
        .find_map(|line| line.strip_prefix("Max address space"))?
        .split_whitespace()
        .next()?
        .parse()
        .ok()
}

/// Address space that the allocator sets aside for each thread, used or not.
fn reserved_by_threads() -> u64 {
    rayon::current_num_threads() as u64 * (64 << 20)
}

/// What is left in the cgroup of this process and in those around it, of version 2 or 1.
fn left_in_cgroups(own: &str, root: &Path) -> Option<u64> {
    own.lines()
        .filter_map(|line| {
            let mut parts = line.splitn(3, ':');
            let (_, controllers, path) = (parts.next()?, parts.next()?, parts.next()?);
            let (root, names) = match controllers {
                "" => (root.to_owned(), ["memory.max", "memory.current", "inactive_file", "active_file"]),
                _ if controllers.split(',').any(|name| name == "memory") => (
                    root.join("memory"),
                    [
                        "memory.limit_in_bytes",
                        "memory.usage_in_bytes",
                        "total_inactive_file",
                        "total_active_file",
                    ],
                ),
                _ => return None,
            };
            let folders = Path::new(path.trim_start_matches('/')).ancestors();
            folders.filter_map(|folder| left_in_cgroup(&root.join(folder), names)).min()
        })
        .min()
}

/// Files that the system keeps in memory count as used there, and are given up when memory is needed.
fn left_in_cgroup(folder: &Path, [limit, used, inactive, active]: [&str; 4]) -> Option<u64> {
    let read = |name: &str| std::fs::read_to_string(folder.join(name)).ok();
    let limit: u64 = read(limit)?.trim().parse().ok()?;
    let used: u64 = read(used)?.trim().parse().ok()?;
    let kept = read("memory.stat").map_or(0, |text| {
        let lines = text.lines().filter_map(|line| line.split_once(' '));
        lines
            .filter(|(name, _)| [inactive, active].contains(name))
            .filter_map(|(_, n)| n.trim().parse::<u64>().ok())
            .sum()
    });
    Some(limit.saturating_sub(used.saturating_sub(kept)))
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
    fn blocks_are_whole_leaves_within_a_sixteenth_of_the_budget() {
        assert_eq!(Budget::default().block_rows(4096, 100), 4096);
        assert_eq!(Budget::bytes(1 << 30).block_rows(4096, 100), 4096);
        assert_eq!(Budget::bytes(64 << 20).block_rows(1 << 20, 256), 2 * 2048);
        assert_eq!(Budget::bytes(1).block_rows(4096, 100), 2048);
    }

    #[test]
    fn rows_beyond_the_budget_are_refused_with_the_way_out() {
        let error = Budget::bytes(1 << 20).require(4_000_000, 1000, 1000).unwrap_err();
        assert_eq!(error.code(), "memory");
        assert!(error.to_string().contains("3.8 MB, and 1.0 MB may be used"), "{error}");
    }

    #[test]
    fn work_beside_the_rows_is_refused_before_it_begins() {
        let budget = Budget::bytes(10 << 20);
        assert!(budget.require_work("ridge", 4 << 20, 4 << 20).is_ok());
        let error = budget.require_work("ridge", 8 << 20, 4 << 20).unwrap_err();
        assert_eq!(error.kind(), crate::ErrorKind::Memory);
        assert!(
            error
                .to_string()
                .starts_with("ridge does not fit in memory: it takes about 12.0 MB, and 10.0 MB"),
            "{error}"
        );
    }

    #[test]
    fn the_narrowest_cgroup_counts_and_kept_files_do_not() {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| {
            let path = folder.path().join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        };
        write("memory.max", "max\n");
        write("memory.current", "900\n");
        write("a/memory.max", "1000\n");
        write("a/memory.current", "700\n");
        write("a/memory.stat", "anon 400\ninactive_file 200\nactive_file 100\n");
        write("a/b/memory.max", "max\n");
        write("memory/s/memory.limit_in_bytes", "500\n");
        write("memory/s/memory.usage_in_bytes", "450\n");
        let left = |own| left_in_cgroups(own, folder.path());
        assert_eq!(left("0::/a/b\n"), Some(600));
        assert_eq!(left("4:cpu:/s\n3:memory:/s\n0::/\n"), Some(50));
        assert_eq!(left("0::/\n"), None);
        assert_eq!(left(""), None);
    }

    #[test]
    fn the_limit_of_the_shell_is_read() {
        let limits =
            "Limit   Soft Limit  Hard Limit  Units\nMax address space   2048000000   unlimited   bytes\n";
        assert_eq!(address_space(limits), Some(2_048_000_000));
        assert_eq!(address_space(&limits.replace("2048000000", "unlimited")), None);
    }

    #[test]
    fn a_device_without_end_is_not_read_whole() {
        assert_eq!(read_whole(Path::new("/dev/zero")).unwrap_err().kind(), crate::ErrorKind::Memory);
    }
}
