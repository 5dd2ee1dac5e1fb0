//! What a command will do with a file, before it begins: rows, passes, bytes, memory, samples, and about how long.

use schemars::JsonSchema;
use serde::Serialize;

use super::cost::{Cost, Drawn, Held};
use crate::data::Budget;
use crate::error::Error;
use crate::memory::shown;
use crate::number::{counted, grouped};
use crate::rows::LEAF_ROWS;
use crate::table::{Extent, temporary_room};
use crate::view::{Block, Cell, Grid, Section};

/// What the program itself takes: its code, tables and threads.
const PROCESS_BYTES: u64 = 64 << 20;

/// Blocks that are in memory at once: one that is read, one that is worked on, one that is joined, and one that the
/// allocator has not given back.
const BLOCKS_HELD: u64 = 4;

/// What a local disk, or the system's memory of it, gives in a second; and Parquet unpacks.
const BYTES_PER_SECOND: f64 = 1e9;

/// Multiplications in a second of each thread.
const PRODUCTS_PER_SECOND: f64 = 5e10;

/// The memory that a command takes, in bytes.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct PlannedMemory {
    /// The program itself.
    pub process: u64,
    /// The columns beside the vectors.
    pub columns: u64,
    /// The rows that are held at once.
    pub rows: u64,
    /// The work beside them.
    pub work: u64,
    /// All of it.
    pub peak: u64,
    /// What may be used: `--memory`, else what is free.
    pub limit: Option<u64>,
}

/// What a command will do.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct Plan {
    /// The command.
    pub command: String,
    /// Files that are read as one table.
    pub files: usize,
    /// Rows, before a filter leaves some out.
    pub rows: usize,
    /// Whether the rows are estimated from the beginning of a text.
    pub rows_estimated: bool,
    /// Dimensions.
    pub dims: usize,
    /// What of the rows is in memory at once.
    pub held: Held,
    /// Whether the format is read whole where blocks would do.
    pub read_whole: bool,
    /// Passes over the rows.
    pub passes: usize,
    /// Whether fewer passes may be enough.
    pub passes_at_most: bool,
    /// Bytes that all passes read, and the parsing of text before them.
    pub bytes_read: u64,
    /// Bytes of a temporary file without a name, which the vectors of a text are parsed into once; 0 where there is none.
    pub temporary_bytes: u64,
    /// Bytes that are free on its disk (`TMPDIR`), where the system tells.
    pub temporary_free: Option<u64>,
    /// Rows that are drawn at random.
    pub sampled: Vec<Drawn>,
    /// The memory, in bytes.
    pub memory: PlannedMemory,
    /// Whether it fits.
    pub fits: bool,
    /// About how long it takes: an estimate from the two speeds.
    pub seconds: f64,
    /// Bytes in a second that the estimate assumes.
    pub assumed_bytes_per_second: f64,
    /// Multiplications in a second that it assumes.
    pub assumed_products_per_second: f64,
    /// What to do where it does not fit.
    pub remedy: Option<String>,
}

impl Plan {
    /// The plan of a command with this cost on a file, of whose rows it uses so many; it may take this memory, the program
    /// included.
    pub fn new(command: &str, extent: &Extent, used: usize, cost: &Cost, memory: Budget) -> Plan {
        let row = (extent.dims as u64).saturating_mul(4);
        let of_rows = |rows: usize| (rows as u64).saturating_mul(row);
        let read_whole = cost.held == Held::Blocks && !extent.streams;
        let blocks =
            blocks_held(Plan::memory_for_rows(memory, extent.column_bytes), extent.rows, extent.dims);
        let rows = match cost.held {
            // A format that is not read in blocks is read whole before rows are left out.
            Held::All if extent.streams => of_rows(used),
            Held::All => of_rows(extent.rows),
            Held::Sample(rows) => of_rows(rows),
            Held::Blocks if read_whole => of_rows(extent.rows),
            Held::Blocks => blocks,
        };
        let (process, columns, work) = (PROCESS_BYTES, extent.column_bytes, cost.work);
        let peak = [process, columns, rows, work].into_iter().fold(0, u64::saturating_add);
        let limit = memory.limit();
        let in_memory = limit.is_none_or(|limit| peak <= limit);
        // What is in memory is read once.
        let read_once = read_whole || cost.held == Held::All;
        let passes = if read_once { 1 } else { cost.passes };
        let to_memory = cost.held == Held::All && used == extent.rows;
        let temporary_bytes = if to_memory { 0 } else { extent.temporary_bytes };
        // What was parsed into memory is not read again.
        let pass_bytes = if to_memory && extent.temporary_bytes > 0 { 0 } else { extent.pass_bytes };
        let bytes_read = pass_bytes.saturating_mul(passes as u64).saturating_add(extent.opening_bytes);
        let temporary_free = temporary_room().filter(|_| temporary_bytes > 0);
        let on_disk = temporary_free.is_none_or(|free| temporary_bytes <= free);
        let products_per_second = PRODUCTS_PER_SECOND * rayon::current_num_threads().max(1) as f64;
        Plan {
            command: command.to_owned(),
            files: extent.files,
            rows: extent.rows,
            rows_estimated: extent.estimated,
            dims: extent.dims,
            held: cost.held,
            read_whole,
            passes,
            passes_at_most: cost.at_most && !read_once,
            bytes_read,
            temporary_bytes,
            temporary_free,
            sampled: cost.drawn.clone(),
            memory: PlannedMemory { process, columns, rows, work, peak, limit },
            fits: in_memory && on_disk,
            seconds: bytes_read as f64 / BYTES_PER_SECOND + cost.products / products_per_second,
            assumed_bytes_per_second: BYTES_PER_SECOND,
            assumed_products_per_second: products_per_second,
            remedy: match (in_memory, on_disk) {
                (false, _) => Some(remedy(peak, read_whole, cost.held)),
                (true, false) => Some(format!(
                    "let TMPDIR name a folder on a disk with {} free, or allow more with --memory",
                    shown(temporary_bytes)
                )),
                (true, true) => None,
            },
        }
    }

    /// What rows and work may take of the memory: what the program and the columns leave.
    pub fn memory_for_rows(memory: Budget, columns: u64) -> Budget {
        let left = |bytes: u64| bytes.saturating_sub(PROCESS_BYTES).saturating_sub(columns).max(1);
        memory.given().map_or_else(Budget::default, |bytes| Budget::bytes(left(bytes)))
    }

    /// The error for what does not fit; `None` where it does.
    pub fn refusal(&self) -> Option<Error> {
        let remedy = self.remedy.as_ref()?;
        let in_memory = self.memory.limit.is_none_or(|limit| self.memory.peak <= limit);
        if let (true, Some(free)) = (in_memory, self.temporary_free) {
            let seen =
                format!("it takes about {}, and {} are free", shown(self.temporary_bytes), shown(free));
            return Some(
                Error::memory(format!("{} has no room for its temporary file", self.command))
                    .with_code("disk")
                    .seen(seen)
                    .advice(remedy.clone()),
            );
        }
        let limit = self.memory.limit?;
        Some(
            Error::memory(format!("{} does not fit in memory", self.command))
                .with_code("memory")
                .seen(format!("it takes about {}, and {} may be used", shown(self.memory.peak), shown(limit)))
                .advice(remedy.clone()),
        )
    }

    /// The plan in words.
    pub fn section(&self) -> Section {
        let rows = format!(
            "{}{} of {} in {}",
            if self.rows_estimated { "about " } else { "" },
            counted(self.rows, "row"),
            counted(self.dims, "dimension"),
            counted(self.files, "file")
        );
        let held = match self.held {
            Held::Blocks if self.read_whole => "all of them: this format is read whole".to_owned(),
            Held::Blocks => "a few blocks at a time".to_owned(),
            Held::All => "all of them".to_owned(),
            Held::Sample(rows) => format!("a random sample of {}", grouped(rows as u64)),
        };
        let most = if self.passes_at_most { "at most " } else { "" };
        let memory = &self.memory;
        let mut grid = Grid::new(["what", "plan"])
            .row([Cell::text("rows"), Cell::text(rows)])
            .row([Cell::text("rows in memory"), Cell::text(held)])
            .row([
                Cell::text("passes over the rows"),
                Cell::text(format!("{most}{}", grouped(self.passes as u64))),
            ])
            .row([Cell::text("bytes read"), Cell::text(format!("{most}{}", shown(self.bytes_read)))]);
        if self.temporary_bytes > 0 {
            let folder = std::env::temp_dir();
            let what = format!("{}, parsed once, in {}", shown(self.temporary_bytes), folder.display());
            grid = grid.row([Cell::text("temporary file"), Cell::text(what)]);
        }
        for drawn in &self.sampled {
            let what = format!("{} {}", grouped(drawn.rows as u64), drawn.what);
            grid = grid.row([Cell::text("drawn at random"), Cell::text(what)]);
        }
        let parts = format!(
            "about {}: {} the program, {} columns, {} rows, {} work",
            shown(memory.peak),
            shown(memory.process),
            shown(memory.columns),
            shown(memory.rows),
            shown(memory.work)
        );
        grid = grid.row([Cell::text("peak memory"), Cell::text(parts)]);
        if let Some(limit) = memory.limit {
            grid = grid.row([Cell::text("may be used"), Cell::text(shown(limit))]);
        }
        let speed = format!(
            "{most}about {}, if {} a second are read",
            duration(self.seconds),
            shown(self.assumed_bytes_per_second as u64)
        );
        grid = grid.row([Cell::text("time, an estimate"), Cell::text(speed)]);
        let section = Section::new("plan", format!("Plan of {}", self.command))
            .headline("Nothing was computed.")
            .with(grid);
        match &self.remedy {
            Some(remedy) if self.memory.limit.is_some_and(|limit| self.memory.peak > limit) => {
                section.with(Block::warning(format!("It does not fit in memory: {remedy}.")))
            }
            Some(remedy) => {
                section.with(Block::warning(format!("Its temporary file does not fit: {remedy}.")))
            }
            None => section,
        }
    }
}

/// The bytes of the blocks of such rows that are in memory at once, where rows and work may take so much.
pub(super) fn blocks_held(memory: Budget, rows: usize, dims: usize) -> u64 {
    let block = memory.block_rows(LEAF_ROWS * rayon::current_num_threads().max(1), dims).min(rows);
    (block as u64).saturating_mul(4 * dims as u64).saturating_mul(BLOCKS_HELD)
}

fn remedy(peak: u64, read_whole: bool, held: Held) -> String {
    let allow = format!("allow at least {} with --memory", shown(peak));
    match held {
        _ if read_whole => format!("{allow}, or convert the file to Parquet, which is read in blocks"),
        Held::All => format!("work on a sample with --sample N, or {allow}"),
        Held::Blocks | Held::Sample(_) => allow,
    }
}

/// A time that is known to one digit or two.
fn duration(seconds: f64) -> String {
    match seconds {
        seconds if seconds < 1.0 => "a second".to_owned(),
        seconds if seconds < 100.0 => format!("{seconds:.0} s"),
        seconds if seconds < 6000.0 => format!("{:.0} min", seconds / 60.0),
        seconds => format!("{:.1} h", seconds / 3600.0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn extent(rows: usize) -> Extent {
        Extent {
            files: 1,
            rows,
            estimated: false,
            dims: 1000,
            column_bytes: 1 << 20,
            pass_bytes: 4000 * rows as u64,
            opening_bytes: 0,
            temporary_bytes: 0,
            streams: true,
        }
    }

    #[test]
    fn passes_in_blocks_fit_where_all_rows_do_not() {
        let memory = Budget::bytes(1 << 30);
        let blocks = Plan::new("profile", &extent(1_000_000), 1_000_000, &Cost::blocks(2), memory);
        assert!(blocks.fits && blocks.refusal().is_none());
        assert_eq!((blocks.passes, blocks.bytes_read), (2, 8_000_000_000));
        assert!((blocks.seconds - 8.0).abs() < 1e-9);
        let all = Plan::new("outliers", &extent(1_000_000), 1_000_000, &Cost::all_rows(), memory);
        let error = all.refusal().unwrap();
        assert_eq!(error.kind(), crate::ErrorKind::Memory);
        assert!(
            error.to_string().contains("outliers does not fit") && error.to_string().contains("--sample")
        );
        let text = Extent { streams: false, ..extent(1_000_000) };
        let whole = Plan::new("profile", &text, 1_000_000, &Cost::blocks(2), memory);
        assert_eq!((whole.fits, whole.passes), (false, 1));
        assert!(whole.remedy.unwrap().contains("Parquet"));
    }

    #[test]
    fn a_plan_says_everything_in_words() {
        let cost = Cost::blocks(300).at_most().work(5 << 20).sampled("rows to fit on", 20_000);
        let plan = Plan::new("cluster", &extent(50_000), 50_000, &cost, Budget::bytes(1 << 30));
        let words = crate::view::terminal(&plan.section(), 120);
        for word in [
            "50,000 rows",
            "at most 300",
            "20,000 rows to fit on",
            "5.0 MB work",
            "1.0 GB",
            "estimate",
            "60 s",
        ] {
            assert!(words.contains(word), "{word}: {words}");
        }
    }
}
