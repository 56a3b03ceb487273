//! `lightship doctor`: what this machine can and cannot do, found out by trying.

use std::path::Path;

use lightship_base::Diagnose as _;
use lightship_sandbox::{Ability, Identity, SubordinateIds, Trial};

use super::{Context, Error, Outcome};
use crate::args::DoctorArgs;
use crate::sandboxes;
use crate::settings::Settings;
use crate::views::doctor::{Command, DoctorDocument, Matter, State};

/// Runtimes that can be chosen in place of our own launcher.
const RUNTIMES: [&str; 3] = ["runc", "crun", "youki"];

/// Less free space than this does not hold a large image.
const LITTLE_SPACE: u64 = 10 << 30;

pub(super) fn run(args: &DoctorArgs, context: &mut Context<'_>) -> Result<Outcome, Error> {
    // First of all, while there is one thread; as the commands that run images do.
    let ids = SubordinateIds::detect(Path::new("/"));
    let root = Identity::detect(Path::new("/")).keeps_owners();
    let entered = sandboxes::enter_subordinate_ids();
    let settings = context.settings()?;
    let mut matters = vec![store(&settings), owners(root, ids, entered)];
    match sandboxes::probe(&settings) {
        Ok(trials) => matters.extend(trials.iter().map(matter)),
        Err(error) => matters.push(Matter::missing(
            "helper",
            error.to_string(),
            "no sandboxes",
            error.hints().first().map(ToString::to_string).unwrap_or_default(),
        )),
    }
    matters.push(runtimes(&settings));
    let document = DoctorDocument { commands: commands(&matters), matters };
    let works = document.commands.iter().all(|command| command.state != State::Missing);
    let look = context.terminal.out.look;
    context.emit(args.output.format, &document, || document.text(&look))?;
    Ok(if works { Outcome::Fine } else { Outcome::Findings })
}

fn store(settings: &Settings) -> Matter {
    let home = settings.home.display();
    let tried = std::fs::create_dir_all(&settings.home)
        .and_then(|()| tempfile::tempfile_in(&settings.home).map(drop))
        .and_then(|()| Ok(rustix::fs::statvfs(&settings.home)?));
    match tried {
        Err(error) => Matter::missing(
            "store",
            format!("{home} cannot be written: {error}"),
            "no image can be kept or run",
            "name another folder with LIGHTSHIP_HOME or --home".to_owned(),
        ),
        Ok(space) => {
            let free = lightship_base::ByteSize(space.f_bavail.saturating_mul(space.f_frsize));
            let found = format!("{home}, {free} free");
            if free.0 < LITTLE_SPACE {
                let change =
                    "make room: `lightship store gc`, or a larger disk with LIGHTSHIP_HOME";
                Matter::limited("store", found, "large images do not fit", change.to_owned())
            } else {
                Matter::good("store", found)
            }
        }
    }
}

fn owners(root: bool, ids: Option<SubordinateIds>, entered: Result<(), Error>) -> Matter {
    let single = "all files of an image belong to you inside: `chown` and other users fail there";
    match (root, ids, entered) {
        (true, ..) => Matter::good("users", "root: images keep their owners".to_owned()),
        (false, Some(ids), Ok(())) => Matter::good(
            "users",
            format!("{} subordinate ids: images keep their owners", ids.users.count),
        ),
        (false, Some(_), Err(error)) => Matter::limited(
            "users",
            error.to_string(),
            single,
            error.hints().first().map(ToString::to_string).unwrap_or_default(),
        ),
        (false, None, _) => Matter::limited(
            "users",
            "an ordinary user without subordinate ids".to_owned(),
            single,
            "install `uidmap` and add a line for you to /etc/subuid and /etc/subgid (`usermod --add-subuids 100000-165535 --add-subgids 100000-165535 NAME`)".to_owned(),
        ),
    }
}

fn matter(trial: &Trial) -> Matter {
    let (id, without, change) = explain(trial.ability);
    match (&trial.outcome, vital(trial.ability)) {
        (Ok(found), _) => Matter::good(id, found.clone()),
        (Err(why), true) => Matter::missing(id, why.clone(), without, change.to_owned()),
        (Err(why), false) => Matter::limited(id, why.clone(), without, change.to_owned()),
    }
}

/// Whether there are no sandboxes without it.
fn vital(ability: Ability) -> bool {
    match ability {
        Ability::Namespaces | Ability::Processes | Ability::Network | Ability::Filters => true,
        Ability::Overlay | Ability::CpuLimit | Ability::MemoryLimit | Ability::ProcessLimit => {
            false
        }
    }
}

/// A short name, what it means not to have it, and what to change.
fn explain(ability: Ability) -> (&'static str, &'static str, &'static str) {
    let groups = "as root nothing is needed; else let systemd delegate: run in `systemd-run --user --scope -p Delegate=yes`";
    match ability {
        Ability::Namespaces => (
            "namespaces",
            "no sandboxes",
            "allow user namespaces: `sysctl user.max_user_namespaces=15000`, on Debian before 12 also `kernel.unprivileged_userns_clone=1`, on Ubuntu from 24.04 `kernel.apparmor_restrict_unprivileged_userns=0`; in a container: `--security-opt seccomp=unconfined`",
        ),
        Ability::Overlay => (
            "overlayfs",
            "each run copies the image first: slower, and more disk",
            "use a kernel from 5.11 on, and a folder on ext4, xfs, btrfs or tmpfs (LIGHTSHIP_HOME)",
        ),
        Ability::Processes => (
            "processes",
            "no sandboxes",
            "inside a container, let /proc be seen whole: `--security-opt systempaths=unconfined`",
        ),
        Ability::Network => ("network", "no sandboxes", "use a kernel with CONFIG_NET_NS"),
        Ability::Filters => ("filters", "no sandboxes", "use a kernel with CONFIG_SECCOMP_FILTER"),
        Ability::CpuLimit => ("processors", "`--cpus` counts whole processors", groups),
        Ability::MemoryLimit => ("memory", "`--memory` holds for each process by itself", groups),
        Ability::ProcessLimit => {
            ("process count", "`--pids-limit` ends what has too many, a moment later", groups)
        }
    }
}

fn runtimes(settings: &Settings) -> Matter {
    let installed =
        |name: &&str| settings.search_path.iter().any(|folder| folder.join(name).is_file());
    let found: Vec<&str> = RUNTIMES.into_iter().filter(|name| installed(name)).collect();
    match found.as_slice() {
        [] => Matter::good("OCI runtimes", "none installed, and none needed".to_owned()),
        found => Matter::good("OCI runtimes", format!("{}; not needed", found.join(", "))),
    }
}

fn commands(matters: &[Matter]) -> Vec<Command> {
    let worst = |among: &[&'static str]| {
        let states = matters.iter().filter(|m| among.is_empty() || among.contains(&m.matter));
        let worst = states.max_by_key(|matter| matter.state);
        worst.map_or((State::Good, String::new()), |matter| match matter.state {
            State::Good => (State::Good, String::new()),
            State::Limited | State::Missing => (matter.state, matter.means.clone()),
        })
    };
    let command = |command: &'static str, (state, because): (State, String)| Command {
        command,
        state,
        because,
    };
    vec![
        command("audit, image history|diff|validate", (State::Good, String::new())),
        command("image pull|load|ls|…, store", worst(&["store"])),
        command("image run, verify", worst(&[])),
    ]
}
