//! Random stacks of layers.

use std::path::Path;

use lightship_base::Quiet;
use lightship_cas::Cas;
use lightship_oci::compression::CompressionLevel;
use lightship_oci::tar::{Entry, EntryKind};
use lightship_sandbox::snapshot::{Ownership, Prepared, copy_to, prepare, prepare_flat};
use lightship_testkit::listing::{Kind, Listed, Listing, unpacked, with_kinds};
use lightship_testkit::naive;
use lightship_testkit::stack::{Piece, Stack, sane_stack};
use proptest::prop_oneof;
use proptest::strategy::{Strategy, ValueTree};
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};

use crate::mount::Overlay;
use crate::namespace::{self, MOUNTS, NOBODY, OWN_ROOT};

const CASES: u32 = 100;

/// The same stacks in every process.
fn runner() -> TestRunner {
    let config = Config { cases: CASES, failure_persistence: None, ..Config::default() };
    TestRunner::new_with_rng(config, TestRng::from_seed(RngAlgorithm::ChaCha, &[7; 32]))
}

/// What the layers mean, as far as this way of owning files can show it. Devices are left out.
fn expected(stack: &Stack, ownership: Ownership) -> Listing {
    let model = naive::unpack(&stack.image(&LEVELS)).listing();
    comparable(with_kinds(model, Kind::as_unpacked), ownership)
}

const LEVELS: [CompressionLevel; 2] = [CompressionLevel::None, CompressionLevel::Zstd(1)];

fn comparable(listing: Listing, ownership: Ownership) -> Listing {
    let is_device =
        |item: &Listed| matches!(item.kind, Kind::CharDevice(..) | Kind::BlockDevice(..));
    let kept = listing.into_iter().filter(|(_, item)| !is_device(item));
    kept.map(|(path, mut item)| {
        let attributes = &mut item.attributes;
        if !matches!(item.kind, Kind::File { .. } | Kind::Directory) {
            attributes.xattrs.clear();
        }
        if ownership == Ownership::Flattened {
            attributes.xattrs.remove("security.capability");
            (attributes.uid, attributes.gid) = (0, 0);
        }
        (path, item)
    })
    .collect()
}

fn seen(root: &Path, ownership: Ownership) -> Listing {
    let mut listing = comparable(unpacked(root), ownership);
    for item in listing.values_mut() {
        item.attributes.xattrs.retain(|name, _| !name.starts_with("user.overlay."));
    }
    listing
}

/// The first difference, in a form that a person can read.
fn compare(how: &str, expected: &Listing, seen: &Listing) -> Result<(), String> {
    for (path, item) in expected {
        match seen.get(path) {
            Some(other) if other == item => {}
            other => return Err(format!("{how}: /{path} should be {item:?}, but is {other:?}")),
        }
    }
    match seen.keys().find(|path| !expected.contains_key(*path)) {
        Some(path) => Err(format!("{how}: /{path} should not be there: {:?}", seen[path])),
        None => Ok(()),
    }
}

/// Prepares, mounts and copies one stack, in a folder that is empty.
fn check(stack: &Stack, place: &Path, ownership: Ownership) -> Result<Prepared, String> {
    let image = stack.image(&LEVELS);
    let cas = Cas::open(&place.join("store")).unwrap();
    let lease = cas.lease().unwrap();
    let expected = expected(stack, ownership);
    let prepared = prepare(&image, &lease, ownership, &Quiet).map_err(|e| e.to_string())?;
    look(&prepared, place, &expected)?;
    let again = prepare(&image, &lease, ownership, &Quiet).map_err(|e| e.to_string())?;
    assert_eq!(again.layers, prepared.layers, "nothing is made twice");
    assert_eq!(again.root, prepared.root);

    let flat = prepare_flat(&image, &lease, ownership, &Quiet).map_err(|e| e.to_string())?;
    compare("flat", &expected, &seen(&flat.layers[0], ownership))?;
    Ok(prepared)
}

/// How often layers were really stacked, and something added on top: else nothing was proved.
#[derive(Default)]
struct Stacked(u32, u32);

impl Stacked {
    fn note(&mut self, prepared: &Prepared) {
        self.0 += u32::from(!prepared.flat);
        let added = prepared
            .layers
            .last()
            .unwrap()
            .components()
            .any(|c| c.as_os_str().to_string_lossy().starts_with("plan"));
        self.1 += u32::from(added);
    }

    fn assert_enough(&self, cases: u32) {
        let Self(stacked, added) = self;
        assert!(
            *stacked > cases / 4 && *added > cases / 25,
            "{stacked} stacked, {added} added of {cases}"
        );
        eprintln!("{stacked} of {cases} stacked, {added} with folders on top");
    }
}

fn look(prepared: &Prepared, place: &Path, expected: &Listing) -> Result<(), String> {
    let overlay = Overlay::mount(prepared, place);
    compare("overlay", expected, &seen(&overlay.root, prepared.ownership))?;
    drop(overlay);
    let copy = place.join("copy");
    std::fs::create_dir(&copy).unwrap();
    copy_to(prepared, &copy).map_err(|error| error.to_string())?;
    compare("copy", expected, &seen(&copy, prepared.ownership))
}

#[test]
fn root_sees_what_the_layers_mean() {
    if namespace::is_root() && namespace::possible(MOUNTS) {
        let folder = tempfile::tempdir().unwrap();
        namespace::run(MOUNTS, "unions::root_inside", folder.path());
    }
}

#[test]
#[ignore = "a process of the test above; does nothing without a folder"]
fn root_inside() {
    let Some(folder) = namespace::folder() else { return };
    let place = tempfile::tempdir_in(&folder).unwrap();
    check(&whiteout_on_a_device(), place.path(), Ownership::Real).unwrap();
    let stacked = std::cell::RefCell::new(Stacked::default());
    let result = runner().run(&any_or_tidy(), |stack| {
        let place = tempfile::tempdir_in(&folder).unwrap();
        let prepared = check(&stack, place.path(), Ownership::Real)
            .map_err(proptest::test_runner::TestCaseError::fail)?;
        stacked.borrow_mut().note(&prepared);
        Ok(())
    });
    if let Err(error) = result {
        panic!("{error}");
    }
    stacked.borrow().assert_enough(CASES);
}

/// In a container whose rules forbid devices, even those that are whiteouts.
#[test]
fn whiteouts_need_no_devices() {
    if namespace::is_root() && namespace::possible(MOUNTS) {
        let folder = tempfile::tempdir().unwrap();
        namespace::run(MOUNTS, "unions::without_devices_inside", folder.path());
    }
}

#[test]
#[ignore = "a process of the test above; does nothing without a folder"]
fn without_devices_inside() {
    let Some(folder) = namespace::folder() else { return };
    namespace::forbid_character_devices();
    for (number, stack) in stacks().enumerate() {
        let place = folder.join(number.to_string());
        std::fs::create_dir(&place).unwrap();
        if let Err(error) = check(&stack, &place, Ownership::Real) {
            panic!("{error}\n{stack:?}");
        }
    }
}

#[test]
fn an_ordinary_user_sees_what_the_layers_mean() {
    let prefix = if namespace::is_root() { NOBODY } else { &["env"] };
    if !namespace::possible(&[prefix, OWN_ROOT].concat()) {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    if namespace::is_root() {
        std::os::unix::fs::chown(folder.path(), Some(65_534), Some(65_534)).unwrap();
    }
    namespace::run(prefix, "unions::user_outside", folder.path());
}

/// Any stack, or one of the kind that builders make: a path once in a layer, few links. Those can mostly
/// be stacked; of the others, most cannot.
fn any_or_tidy() -> impl Strategy<Value = Stack> {
    let tidy = sane_stack().prop_map(|mut stack| {
        for layer in &mut stack.layers {
            let mut number = 0;
            layer.retain(|piece| {
                number += 1;
                !piece.entry.kind.is_link() || number % 5 == 0
            });
        }
        stack.undisputed()
    });
    prop_oneof![1 => sane_stack(), 2 => tidy]
}

/// A device is left out, and still nothing that a folder could be made of.
fn whiteout_on_a_device() -> Stack {
    let piece = |path: &str, kind| {
        let entry = Entry { device: (1, 3), mode: 0o644, ..Entry::new(path, kind) };
        Piece { entry, content: Vec::new() }
    };
    let device = piece("a", EntryKind::CharDevice);
    Stack { layers: vec![vec![device], vec![piece("a/.wh..wh..opq", EntryKind::File)]] }
}

/// The stacks that the two processes below agree on.
fn stacks() -> impl Iterator<Item = Stack> {
    let mut runner = runner();
    let strategy = any_or_tidy();
    (0..CASES / 2).map(move |_| strategy.new_tree(&mut runner).unwrap().current())
}

/// Unpacks without any namespace; then looks from inside one.
#[test]
#[ignore = "a process of the test above; does nothing without a folder"]
fn user_outside() {
    let Some(folder) = namespace::folder() else { return };
    for (number, stack) in stacks().enumerate() {
        let cas = Cas::open(&folder.join(format!("{number}/store"))).unwrap();
        let lease = cas.lease().unwrap();
        for make in [prepare, prepare_flat] {
            let image = stack.image(&LEVELS);
            make(&image, &lease, Ownership::Flattened, &Quiet)
                .unwrap_or_else(|error| panic!("{error}: {error:?} {stack:?}"));
        }
    }
    namespace::run(OWN_ROOT, "unions::user_inside", &folder);
}

#[test]
#[ignore = "a process of the test above; does nothing without a folder"]
fn user_inside() {
    let Some(folder) = namespace::folder() else { return };
    let mut stacked = Stacked::default();
    for (number, stack) in stacks().enumerate() {
        let place = folder.join(number.to_string());
        match check(&stack, &place, Ownership::Flattened) {
            Ok(prepared) => stacked.note(&prepared),
            Err(error) => panic!("{error}\n{stack:?}"),
        }
    }
    stacked.assert_enough(CASES / 2);
}
