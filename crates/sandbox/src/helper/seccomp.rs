//! Which system calls the command may make. *seccomp(2)*.
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

/// Refused whatever the arguments.
const REFUSED: &[libc::c_long] = &[
    // mounts and roots
    libc::SYS_mount,
    libc::SYS_umount2,
    libc::SYS_pivot_root,
    libc::SYS_chroot,
    libc::SYS_fsopen,
    libc::SYS_fsconfig,
    libc::SYS_fsmount,
    libc::SYS_fspick,
    libc::SYS_move_mount,
    libc::SYS_open_tree,
    libc::SYS_mount_setattr,
    libc::SYS_quotactl,
    libc::SYS_quotactl_fd,
    // namespaces
    libc::SYS_setns,
    libc::SYS_unshare,
    // files by handle, around every path
    libc::SYS_open_by_handle_at,
    libc::SYS_name_to_handle_at,
    libc::SYS_fanotify_init,
    // keys of the outside
    libc::SYS_keyctl,
    libc::SYS_add_key,
    libc::SYS_request_key,
    // the kernel itself
    libc::SYS_bpf,
    libc::SYS_perf_event_open,
    libc::SYS_userfaultfd,
    libc::SYS_init_module,
    libc::SYS_finit_module,
    libc::SYS_delete_module,
    libc::SYS_kexec_load,
    libc::SYS_kexec_file_load,
    libc::SYS_reboot,
    libc::SYS_swapon,
    libc::SYS_swapoff,
    libc::SYS_syslog,
    libc::SYS_acct,
    libc::SYS_vhangup,
    libc::SYS_lookup_dcookie,
    libc::SYS_nfsservctl,
    // the clock, which is everybody's
    libc::SYS_settimeofday,
    libc::SYS_clock_settime,
    libc::SYS_clock_adjtime,
    libc::SYS_adjtimex,
    // other processes
    libc::SYS_ptrace,
    libc::SYS_process_vm_readv,
    libc::SYS_process_vm_writev,
    libc::SYS_process_madvise,
    libc::SYS_kcmp,
    libc::SYS_pidfd_getfd,
    // memory placement
    libc::SYS_move_pages,
    libc::SYS_migrate_pages,
    // a second way to make every call, which filters do not see
    libc::SYS_io_uring_setup,
    libc::SYS_io_uring_enter,
    libc::SYS_io_uring_register,
];

/// More of them, which only this processor has.
#[cfg(target_arch = "x86_64")]
const REFUSED_HERE: &[libc::c_long] = &[
    libc::SYS_iopl,
    libc::SYS_ioperm,
    libc::SYS_modify_ldt,
    libc::SYS_uselib,
    libc::SYS_ustat,
    libc::SYS__sysctl,
];
#[cfg(not(target_arch = "x86_64"))]
const REFUSED_HERE: &[libc::c_long] = &[];

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

/// What `personality` may ask for: Linux as it is, 32 bits, and the same with a shorter name.
const PERSONALITIES: [u64; 4] = [0, 8, 0x2_0000, 0x2_0008];
const ASK_PERSONALITY: u64 = 0xffff_ffff;

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
    let mut rules: BTreeMap<i64, Vec<SeccompRule>> =
        REFUSED.iter().chain(REFUSED_HERE).map(|number| (*number, vec![])).collect();
    rules.insert(libc::SYS_clone, namespace_bits()?);
    // Typing into somebody's terminal, and the console's own tricks.
    let requests = [u64::from(libc::TIOCSTI), u64::from(libc::TIOCLINUX)];
    let requests = requests.map(|request| when(1, Op::Eq, request));
    rules.insert(libc::SYS_ioctl, requests.into_iter().collect::<Result<_, _>>()?);
    // Kernel interfaces with a history of holes, and hypervisors' side doors.
    let families = [libc::AF_VSOCK, libc::AF_ALG, libc::AF_PACKET];
    let families = families.map(|family| when(0, Op::Eq, u64::from(family.unsigned_abs())));
    rules.insert(libc::SYS_socket, families.into_iter().collect::<Result<_, _>>()?);
    rules.insert(
        libc::SYS_personality,
        vec![SeccompRule::new(
            PERSONALITIES
                .into_iter()
                .chain([ASK_PERSONALITY])
                .map(|known| SeccompCondition::new(0, Len::Dword, Op::Ne, known))
                .collect::<Result<_, _>>()?,
        )?],
    );
    let refused = SeccompAction::Errno(libc::EPERM.unsigned_abs());
    compile(rules, SeccompAction::Allow, refused)
}

/// One rule for each bit: any of them is one too many.
fn namespace_bits() -> Result<Vec<SeccompRule>, seccompiler::BackendError> {
    let bits = (0..32).map(|bit| 1_u64 << bit);
    bits.filter(|bit| u64::from(NEW_NAMESPACES.unsigned_abs()) & bit != 0)
        .map(|bit| when(0, Op::MaskedEq(bit), bit))
        .collect()
}

fn when(argument: u8, op: Op, value: u64) -> Result<SeccompRule, seccompiler::BackendError> {
    SeccompRule::new(vec![SeccompCondition::new(argument, Len::Dword, op, value)?])
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
    fn the_filters_compile_and_fit_the_kernel() {
        for filter in [super::refuse(), super::know()] {
            // BPF_MAXINSNS
            assert!(filter.unwrap().len() <= 4096);
        }
    }
}
