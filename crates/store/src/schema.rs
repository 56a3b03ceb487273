//! The file: how it is opened, what is in it, and how an older one becomes a newer one.

use std::path::Path;
use std::time::Duration;

use lightship_engine::StoreFault;
use rusqlite::{Connection, OpenFlags};

use crate::fault;

/// Says in the file's header whose it is: `Lshp`.
const APPLICATION: i32 = 0x4c73_6870;

/// How long somebody waits for another process that writes.
const PATIENCE: Duration = Duration::from_secs(30);

/// What makes a file of one version one of the next. Never change one that was released; add another.
const MIGRATIONS: &[&str] = &[
    // 1: the beginning.
    "
    CREATE TABLE runs (
        number INTEGER PRIMARY KEY,
        id TEXT NOT NULL UNIQUE,
        name TEXT NOT NULL,
        experiment TEXT NOT NULL,
        pipeline TEXT NOT NULL,
        state TEXT NOT NULL,
        created INTEGER NOT NULL,
        finished INTEGER,
        events INTEGER NOT NULL,
        header TEXT NOT NULL
    ) STRICT;
    CREATE INDEX runs_by_created ON runs (created, id);
    CREATE INDEX runs_by_experiment ON runs (experiment, created, id);
    CREATE INDEX runs_by_state ON runs (state, created, id);

    CREATE TABLE events (
        run INTEGER NOT NULL,
        seq INTEGER NOT NULL,
        at INTEGER NOT NULL,
        version INTEGER NOT NULL,
        event TEXT NOT NULL,
        PRIMARY KEY (run, seq)
    ) STRICT, WITHOUT ROWID;

    CREATE TABLE tasks (
        run INTEGER NOT NULL,
        node INTEGER NOT NULL,
        parent INTEGER,
        name TEXT NOT NULL,
        round INTEGER,
        state TEXT NOT NULL,
        attempts INTEGER NOT NULL,
        started INTEGER,
        ended INTEGER,
        failure TEXT,
        cached_from TEXT,
        PRIMARY KEY (run, node)
    ) STRICT, WITHOUT ROWID;

    CREATE TABLE artifacts (
        run INTEGER NOT NULL,
        node INTEGER NOT NULL,
        output TEXT NOT NULL,
        position INTEGER NOT NULL,
        name TEXT NOT NULL,
        type TEXT NOT NULL,
        uri TEXT NOT NULL,
        digest TEXT,
        size INTEGER,
        metadata TEXT NOT NULL,
        PRIMARY KEY (run, node, output, position)
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX artifacts_by_uri ON artifacts (uri);
    CREATE INDEX artifacts_by_digest ON artifacts (digest) WHERE digest IS NOT NULL;

    CREATE TABLE uses (
        run INTEGER NOT NULL,
        node INTEGER NOT NULL,
        input TEXT NOT NULL,
        uri TEXT NOT NULL,
        PRIMARY KEY (run, node, input, uri)
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX uses_by_uri ON uses (uri);

    CREATE TABLE metrics (
        run INTEGER NOT NULL,
        node INTEGER NOT NULL,
        output TEXT NOT NULL,
        name TEXT NOT NULL,
        value REAL NOT NULL,
        PRIMARY KEY (run, node, output, name)
    ) STRICT, WITHOUT ROWID;

    CREATE TABLE cache (
        number INTEGER PRIMARY KEY,
        key TEXT NOT NULL,
        created INTEGER NOT NULL,
        pipeline TEXT NOT NULL,
        task TEXT NOT NULL,
        run TEXT NOT NULL,
        node INTEGER NOT NULL,
        parts TEXT NOT NULL,
        outputs TEXT NOT NULL
    ) STRICT;
    CREATE INDEX cache_by_key ON cache (key, created);
    CREATE INDEX cache_by_task ON cache (pipeline, task, created);
    CREATE INDEX cache_by_created ON cache (created);
    ",
    // 2: what other processes want of the one that drives a run.
    "
    CREATE TABLE requests (
        number INTEGER PRIMARY KEY AUTOINCREMENT,
        run INTEGER NOT NULL,
        wish TEXT NOT NULL,
        at INTEGER NOT NULL
    ) STRICT;
    CREATE INDEX requests_by_run ON requests (run, number);
    ",
];

/// The version that this program writes.
fn version() -> u32 {
    u32::try_from(MIGRATIONS.len()).unwrap_or(u32::MAX)
}

/// The connection that writes. Makes the file, or brings it up to date.
pub(crate) fn open(path: &Path) -> Result<Connection, StoreFault> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE;
    let connection = connect(path, flags)?;
    check(&connection)?;
    // The log is as large as a batch of some thousand tasks before it is put into the file.
    let pragmas =
        "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA wal_autocheckpoint = 4000;";
    connection.execute_batch(pragmas).map_err(fault::of)?;
    migrate(&connection)?;
    connection.set_prepared_statement_cache_capacity(64);
    Ok(connection)
}

/// A connection that reads.
pub(crate) fn reader(path: &Path) -> Result<Connection, StoreFault> {
    // Read-only connections cannot put the log's index in order after a crash; this one may, and writes nothing else.
    let connection = connect(path, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
    connection.execute_batch("PRAGMA query_only = ON;").map_err(fault::of)?;
    Ok(connection)
}

fn connect(path: &Path, flags: OpenFlags) -> Result<Connection, StoreFault> {
    let flags = flags | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags).map_err(fault::of)?;
    connection.busy_timeout(PATIENCE).map_err(fault::of)?;
    Ok(connection)
}

/// Whether the file is ours, and not newer than this program. A new file is empty and so is nobody's.
fn check(connection: &Connection) -> Result<(), StoreFault> {
    let number = |pragma: &str| {
        connection.query_row(&format!("PRAGMA {pragma}"), [], |row| row.get::<_, i64>(0))
    };
    let application = number("application_id").map_err(fault::of)?;
    let found = number("user_version").map_err(fault::of)?;
    let tables = connection
        .query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get::<_, i64>(0))
        .map_err(fault::of)?;
    if tables > 0 && application != i64::from(APPLICATION) {
        return Err(fault::damaged("it is the database of another program"));
    }
    let found = u32::try_from(found).map_err(|_| fault::damaged("its version is no number"))?;
    if found > version() {
        return Err(StoreFault::Newer { found, supported: version() });
    }
    Ok(())
}

fn migrate(connection: &Connection) -> Result<(), StoreFault> {
    // Another process may be at it: the version counts that is found inside.
    connection.execute_batch("BEGIN IMMEDIATE").map_err(fault::of)?;
    let done = steps(connection);
    let end = if done.is_ok() { "COMMIT" } else { "ROLLBACK" };
    connection.execute_batch(end).map_err(fault::of)?;
    done
}

fn steps(connection: &Connection) -> Result<(), StoreFault> {
    let found: u32 =
        connection.query_row("PRAGMA user_version", [], |row| row.get(0)).map_err(fault::of)?;
    for step in MIGRATIONS.iter().skip(found as usize) {
        connection.execute_batch(step).map_err(fault::of)?;
    }
    if found < version() {
        let marks =
            format!("PRAGMA application_id = {APPLICATION}; PRAGMA user_version = {};", version());
        connection.execute_batch(&marks).map_err(fault::of)?;
    }
    Ok(())
}
