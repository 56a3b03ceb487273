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
    SYS_kexec_file_load,
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
    // a second way to make every call, which filters do not see
    SYS_io_uring_setup,
    SYS_io_uring_enter,
    SYS_io_uring_register,
];

/// More of them, which only this processor has.
#[cfg(target_arch = "x86_64")]
const REFUSED_HERE: &[Call] =
    calls![SYS_iopl, SYS_ioperm, SYS_modify_ldt, SYS_uselib, SYS_ustat, SYS__sysctl,];
#[cfg(not(target_arch = "x86_64"))]
const REFUSED_HERE: &[Call] = &[];

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
    REFUSED.iter().chain(REFUSED_HERE).map(|call| name(*call))
}

/// A call's name as everybody else writes it.
pub(super) fn name(call: Call) -> &'static str {
    call.0.strip_prefix("SYS_").unwrap_or(call.0)
}

/// What is refused for some arguments only.
pub(super) fn rules() -> Vec<Rule> {
    let [clone, ioctl, socket, personality] =
        *calls![SYS_clone, SYS_ioctl, SYS_socket, SYS_personality];
    let exactly = |call, argument, value| Rule { call, argument, mask: u32::MAX, value };
    let bits = |of: u32| (0..32).map(|bit| 1_u32 << bit).filter(move |bit| of & bit != 0);
    let namespaces = bits(NEW_NAMESPACES.cast_unsigned()).map(|bit| Rule {
        call: clone,
        argument: 0,
        mask: bit,
        value: bit,
    });
    // Typing into somebody's terminal, and the console's own tricks.
    let requests = [libc::TIOCSTI, libc::TIOCLINUX]
        .map(|request| exactly(ioctl, 1, u32::try_from(request).expect("requests have 32 bits")));
    // Kernel interfaces with a history of holes, and hypervisors' side doors.
    let families = [libc::AF_VSOCK, libc::AF_ALG, libc::AF_PACKET]
        .map(|family| exactly(socket, 0, family.cast_unsigned()));
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
    namespaces.chain(requests).chain(families).chain(personalities).collect()
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
        REFUSED.iter().chain(REFUSED_HERE).map(|(_, number)| (*number, vec![])).collect();
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
    fn the_filters_compile_and_fit_the_kernel() {
        for filter in [super::refuse(), super::know()] {
            // BPF_MAXINSNS
            assert!(filter.unwrap().len() <= 4096);
        }
    }
}
