//! Which system calls the command may make. `seccomp(2)`.
//!
//! Two filters; the kernel obeys the stricter answer. The first knows by name what only a machine's
//! administrator does, or what opens a way around the walls: refused with `EPERM`. The second lets
//! through the numbers that existed when this was written: later ones do not exist (`ENOSYS`), until
//! somebody has thought about them. Programs of another architecture's call table are ended.

use std::collections::BTreeMap;

use seccompiler::{
    BpfProgram, SeccompAction, SeccompCmpArgLen as Len, SeccompCmpOp as Op, SeccompCondition,
    SeccompFilter, SeccompRule, TargetArch,
};

use crate::failure::Failure;

/// A system call: its name and its number here.
type Call = (&'static str, libc::c_long);

/// Names and numbers of calls, from the names of libc's constants.
macro_rules! calls {
    ($($name:ident),* $(,)?) => { &[$((stringify!($name), libc::$name)),*] };
}

/// Refused whatever the arguments.
const REFUSED: &[Call] = calls![
    // mounts and roots
    SYS_mount,
    SYS_umount2,
    SYS_pivot_root,
    SYS_chroot,
    SYS_fsopen,
    SYS_fsconfig,
    SYS_fsmount,
    SYS_fspick,
    SYS_move_mount,
    SYS_open_tree,
    SYS_mount_setattr,
    SYS_quotactl,
    SYS_quotactl_fd,
    // namespaces
    SYS_setns,
    SYS_unshare,
    // files by handle, around every path
    SYS_open_by_handle_at,
    SYS_name_to_handle_at,
    SYS_fanotify_init,
    // keys of the outside
    SYS_keyctl,
    SYS_add_key,
    SYS_request_key,
    // the kernel itself
    SYS_bpf,
    SYS_perf_event_open,
    SYS_userfaultfd,
    SYS_init_module,
    SYS_finit_module,
    SYS_delete_module,
    SYS_kexec_load,
    SYS_reboot,
    SYS_swapon,
    SYS_swapoff,
    SYS_syslog,
    SYS_acct,
    SYS_vhangup,
    SYS_lookup_dcookie,
    SYS_nfsservctl,
    // the clock, which is everybody's
    SYS_settimeofday,
    SYS_clock_settime,
    SYS_clock_adjtime,
    SYS_adjtimex,
    // other processes
    SYS_ptrace,
    SYS_process_vm_readv,
    SYS_process_vm_writev,
    SYS_process_madvise,
    SYS_kcmp,
    SYS_pidfd_getfd,
    // memory placement
    SYS_move_pages,
    SYS_migrate_pages,
    SYS_mbind,
    SYS_set_mempolicy,
    SYS_set_mempolicy_home_node,
    // a second way to make every call, which filters do not see
    SYS_io_uring_setup,
    SYS_io_uring_enter,
    SYS_io_uring_register,
];

/// More of them, which only this processor has, or libc names only here.
#[cfg(target_arch = "x86_64")]
const REFUSED_HERE: &[Call] = calls![
    SYS_kexec_file_load,
    SYS_iopl,
    SYS_ioperm,
    SYS_modify_ldt,
    SYS_uselib,
    SYS_ustat,
    SYS__sysctl,
];
/// With musl, libc does not name this one.
#[cfg(target_arch = "aarch64")]
const REFUSED_HERE: &[Call] = &[("SYS_kexec_file_load", 294)];
#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
const REFUSED_HERE: &[Call] = calls![SYS_kexec_file_load];

/// Refused as well, but too new for libc to name: a clone of a mount with other attributes (Linux 6.15).
/// Its number is in the kernel's common table, the same for all processors.
const REFUSED_UNNAMED: &[Call] = &[("SYS_open_tree_attr", 467)];

/// The highest number in the kernel's common table when this was written (Linux 6.17).
const LAST_KNOWN: libc::c_long = 469;

/// Every bit by which `clone` begins a namespace.
const NEW_NAMESPACES: libc::c_int = libc::CLONE_NEWNS
    | libc::CLONE_NEWCGROUP
    | libc::CLONE_NEWUTS
    | libc::CLONE_NEWIPC
    | libc::CLONE_NEWUSER
    | libc::CLONE_NEWPID
    | libc::CLONE_NEWNET;

/// What `personality` may ask for, in any combination: 32 bits, and an older version's name.
const PERSONALITIES: u32 = 8 | 0x2_0000;

/// The highest bit of an argument.
const HIGHEST: u32 = 1 << 31;

/// The kinds of sockets that there may be: between processes, to the network, and asking the kernel about
/// the network. All others (radio, field buses, hypervisors' side doors, the kernel's ciphers, raw packets)
/// are kernel interfaces with a history of holes.
const FAMILIES: [libc::c_int; 4] = [libc::AF_UNIX, libc::AF_INET, libc::AF_INET6, libc::AF_NETLINK];

/// All of [`FAMILIES`] have smaller numbers. A power of two.
const FAMILIES_END: u32 = 32;

/// A call that is refused for some values of one argument.
#[derive(Debug, Clone, Copy)]
pub(super) struct Rule {
    pub(super) call: Call,
    /// Which argument, from 0. The kernel takes 32 bits of each of those here.
    pub(super) argument: u8,
    /// Refused if these bits of it ...
    pub(super) mask: u32,
    /// ... are these.
    pub(super) value: u32,
}

/// The names of the calls that are refused whatever the arguments.
pub(super) fn refused_names() -> impl Iterator<Item = &'static str> {
    refused().map(name)
}

fn refused() -> impl Iterator<Item = Call> {
    [REFUSED, REFUSED_HERE, REFUSED_UNNAMED].into_iter().flatten().copied()
}

/// A call's name as everybody else writes it.
pub(super) fn name(call: Call) -> &'static str {
    call.0.strip_prefix("SYS_").unwrap_or(call.0)
}

/// What is refused for some arguments only.
pub(super) fn rules() -> Vec<Rule> {
    let [clone, ioctl, personality] = *calls![SYS_clone, SYS_ioctl, SYS_personality];
    let exactly = |call, argument, value| Rule { call, argument, mask: u32::MAX, value };
    let namespaces = bits(NEW_NAMESPACES.cast_unsigned()).map(|bit| Rule {
        call: clone,
        argument: 0,
        mask: bit,
        value: bit,
    });
    // Typing into somebody's terminal, and the console's own tricks.
    let requests = [libc::TIOCSTI, libc::TIOCLINUX]
        .map(|request| exactly(ioctl, 1, u32::try_from(request).expect("requests have 32 bits")));
    // All bits set is the question which personality there is. Hence: any other bit, without the
    // highest; or the highest, without any of the rest.
    let other = bits(!PERSONALITIES & !HIGHEST).map(|bit| (bit | HIGHEST, bit));
    let incomplete = bits(!HIGHEST).map(|bit| (bit | HIGHEST, HIGHEST));
    let personalities = other.chain(incomplete).map(|(mask, value)| Rule {
        call: personality,
        argument: 0,
        mask,
        value,
    });
    namespaces.chain(requests).chain(families()).chain(personalities).collect()
}

/// Whatever is none of [`FAMILIES`]: the other small numbers one by one, and any number with a larger bit.
fn families() -> impl Iterator<Item = Rule> {
    let known = FAMILIES.map(libc::c_int::cast_unsigned);
    let small = (0..FAMILIES_END).filter(move |family| !known.contains(family));
    let small = small.map(|family| (u32::MAX, family));
    let large = bits(!(FAMILIES_END - 1)).map(|bit| (bit, bit));
    let values: Vec<(u32, u32)> = small.chain(large).collect();
    calls![SYS_socket, SYS_socketpair].iter().flat_map(move |call| {
        let rule = |(mask, value)| Rule { call: *call, argument: 0, mask, value };
        values.clone().into_iter().map(rule)
    })
}

/// The bits that are set, each by itself.
fn bits(of: u32) -> impl Iterator<Item = u32> {
    (0..u32::BITS).map(|bit| 1_u32 << bit).filter(move |bit| of & bit != 0)
}

/// Locks this process and all it becomes in.
pub(super) fn install() -> Result<(), Failure> {
    let attempt = |error: &dyn std::fmt::Display| {
        Failure::machine("install the system-call filter", error)
            .hint("the kernel needs CONFIG_SECCOMP_FILTER")
    };
    for filter in [refuse(), know()] {
        let program = filter.map_err(|error| attempt(&error))?;
        seccompiler::apply_filter(&program).map_err(|error| attempt(&error))?;
    }
    Ok(())
}

type Compiled = Result<BpfProgram, seccompiler::BackendError>;

fn refuse() -> Compiled {
    let mut refused: BTreeMap<i64, Vec<SeccompRule>> =
        refused().map(|(_, number)| (number, vec![])).collect();
    for rule in rules() {
        let op = Op::MaskedEq(rule.mask.into());
        let condition = SeccompCondition::new(rule.argument, Len::Dword, op, rule.value.into())?;
        refused.entry(rule.call.1).or_default().push(SeccompRule::new(vec![condition])?);
    }
    compile(refused, SeccompAction::Allow, SeccompAction::Errno(libc::EPERM.unsigned_abs()))
}

fn know() -> Compiled {
    // `clone3` hides its flags in memory, where no filter can look. Libraries that hear that it does
    // not exist use `clone`.
    let known = (0..=LAST_KNOWN).filter(|number| *number != libc::SYS_clone3);
    let rules = known.map(|number| (number, vec![])).collect();
    let unknown = SeccompAction::Errno(libc::ENOSYS.unsigned_abs());
    compile(rules, unknown, SeccompAction::Allow)
}

fn compile(
    rules: BTreeMap<i64, Vec<SeccompRule>>,
    otherwise: SeccompAction,
    matching: SeccompAction,
) -> Compiled {
    let here = TargetArch::try_from(std::env::consts::ARCH)?;
    SeccompFilter::new(rules, otherwise, matching, here)?.try_into()
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_personality_may_be_asked_for_but_only_harmless_ones_taken() {
        let rules = super::rules();
        let refused = |value: u32| {
            let mut rules = rules.iter().filter(|rule| super::name(rule.call) == "personality");
            rules.any(|rule| value & rule.mask == rule.value)
        };
        let known = [0, 8, 0x2_0000, 0x2_0008, u32::MAX];
        assert!(known.iter().all(|value| !refused(*value)));
        let dangerous = [0x4_0000, 0x10_0000, 1 << 31, 0xffff_fff7, 0x7fff_ffff, 9];
        assert!(dangerous.iter().all(|value| refused(*value)));
    }

    #[test]
    fn sockets_of_four_families_and_no_other_may_be_made() {
        let rules = super::rules();
        for call in ["socket", "socketpair"] {
            let allowed = |family: &u32| {
                let mut rules = rules.iter().filter(|rule| super::name(rule.call) == call);
                !rules.any(|rule| family & rule.mask == rule.value)
            };
            let mut all = (0..1000).chain((0..32).map(|bit| 1 << bit | 1));
            assert_eq!(all.by_ref().take(1000).filter(allowed).collect::<Vec<_>>(), [1, 2, 10, 16]);
            assert_eq!(all.filter(allowed).collect::<Vec<_>>(), [1]);
        }
    }

    #[test]
    fn the_filters_compile_and_fit_the_kernel() {
        for filter in [super::refuse(), super::know()] {
            // BPF_MAXINSNS
            assert!(filter.unwrap().len() <= 4096);
        }
    }
}
