//! Giving up rights, for good.

use rustix::fs::{Gid, Uid};
use rustix::thread::{
    CapabilitySet, CapabilitySets, capability_is_in_bounding_set, clear_ambient_capability_set,
    remove_capability_from_bounding_set, set_capabilities, set_no_new_privs,
};

use super::user::Person;
use crate::failure::{Attempt as _, Failure};
use crate::identity::Identity;

/// What root inside may still do: be root over the image's own files and processes. Less than container
/// engines leave: no devices (`MKNOD`), no raw network (`NET_RAW`), no `SYS_CHROOT`, no `AUDIT_WRITE`, no
/// `SETFCAP`.
pub(super) const KEPT: CapabilitySet = CapabilitySet::CHOWN
    .union(CapabilitySet::DAC_OVERRIDE)
    .union(CapabilitySet::FOWNER)
    .union(CapabilitySet::FSETID)
    .union(CapabilitySet::KILL)
    .union(CapabilitySet::SETGID)
    .union(CapabilitySet::SETUID)
    .union(CapabilitySet::SETPCAP)
    .union(CapabilitySet::NET_BIND_SERVICE);

/// The kernel's capabilities have numbers below this.
const CAPABILITIES: u32 = 64;

/// Becomes the person, with no right beyond [`KEPT`], and none at all for anybody but root. No program
/// can give a right back: set-uid bits and file capabilities are ignored from here on.
pub(super) fn drop_rights(identity: Identity, person: &Person) -> Result<(), Failure> {
    let attempt = || "give up rights".to_owned();
    for number in 0..CAPABILITIES {
        let capability = CapabilitySet::from_bits_retain(1 << number);
        // A number that this kernel does not know ends the list.
        let Ok(present) = capability_is_in_bounding_set(capability) else { break };
        if present && !KEPT.contains(capability) {
            remove_capability_from_bounding_set(capability).attempt(attempt)?;
        }
    }
    // A kernel without ambient capabilities has none to clear.
    let _ = clear_ambient_capability_set();
    become_person(identity, person)?;
    let kept = if person.uid == 0 { KEPT } else { CapabilitySet::empty() };
    let held = rustix::thread::capabilities(None).attempt(attempt)?.permitted;
    let kept = kept & held;
    let sets =
        CapabilitySets { effective: kept, permitted: kept, inheritable: CapabilitySet::empty() };
    set_capabilities(None, sets).attempt(attempt)?;
    set_no_new_privs(true).attempt(attempt)
}

fn become_person(identity: Identity, person: &Person) -> Result<(), Failure> {
    let attempt = || format!("become user {}:{}", person.uid, person.gid);
    if !identity.keeps_owners() {
        return Ok(()); // the namespace has this one id, and the process has it already
    }
    let explain = |failure: Failure| {
        failure.hint(
            "this id is outside of those that the caller may use: see /etc/subuid and /etc/subgid",
        )
    };
    let groups: Vec<Gid> = person.groups.iter().map(|group| Gid::from_raw(*group)).collect();
    let (uid, gid) = (Uid::from_raw(person.uid), Gid::from_raw(person.gid));
    rustix::thread::set_thread_groups(&groups).attempt(attempt).map_err(explain)?;
    rustix::thread::set_thread_res_gid(gid, gid, gid).attempt(attempt).map_err(explain)?;
    rustix::thread::set_thread_res_uid(uid, uid, uid).attempt(attempt).map_err(explain)
}
