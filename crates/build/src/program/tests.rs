//! Programs made by hand.

use std::fs;

use lightship_base::ByteSize;
use lightship_packages::parcel::{Origin, PackageId, Parcel};
use tempfile::TempDir;

use super::*;

const EXECUTABLE: u16 = 2;
const SHARED: u16 = 3;
const X86_64: u16 = 62;
const AARCH64: u16 = 183;

/// A little-endian 64-bit file with nothing but headers: its kind, its processor, its loader.
fn elf(kind: u16, machine: u16, loader: Option<&str>, text: &str) -> Vec<u8> {
    let loader = loader.map(|path| format!("{path}\0")).unwrap_or_default();
    let segments = if loader.is_empty() { 1u16 } else { 2 };
    let headers = 64 + 56 * u64::from(segments);
    let whole = headers + loader.len() as u64 + text.len() as u64;
    let mut file = b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0".to_vec();
    file.extend([kind.to_le_bytes(), machine.to_le_bytes()].concat());
    file.extend(1u32.to_le_bytes());
    file.extend([headers, 64, 0].map(u64::to_le_bytes).concat());
    file.extend(0u32.to_le_bytes());
    file.extend([64, 56, segments, 64, 0, 0].map(u16::to_le_bytes).concat());
    let mut segment = |kind: u32, offset: u64, size: u64| {
        file.extend([kind, 5].map(u32::to_le_bytes).concat());
        file.extend([offset, offset, offset, size, size, 1].map(u64::to_le_bytes).concat());
    };
    segment(1, 0, whole);
    if !loader.is_empty() {
        segment(3, headers, loader.len() as u64);
    }
    [file, loader.into_bytes(), text.into()].concat()
}

fn read(bytes: &[u8]) -> (TempDir, Result<Program, ProgramError>) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("server");
    fs::write(&path, bytes).unwrap();
    let program = Program::read(&path, "amd64");
    (folder, program)
}

fn wanted(program: &Program, wish: Wish) -> [bool; 2] {
    program.decide(wish).map(|decision| decision.wanted)
}

#[test]
fn a_static_program_gets_what_it_mentions() {
    let (_folder, program) = read(&elf(EXECUTABLE, X86_64, None, "hello"));
    let program = program.unwrap();
    assert!(program.is_static() && program.natives().is_none());
    assert_eq!(wanted(&program, Wish::default()), [false, false]);
    let decisions = program.decide(Wish { certificates: Some(true), zones: None });
    let data = Data { certificates: true, zones: false };
    assert_eq!(program.purpose(&decisions, false), Purpose::Bare(data));
    assert_eq!(program.purpose(&decisions, true), Purpose::Program(data));

    let text = "open /etc/ssl/certs and /usr/share/zoneinfo/";
    let (_folder, program) = read(&elf(SHARED, X86_64, None, text));
    let program = program.unwrap();
    assert_eq!(wanted(&program, Wish::default()), [true, true]);
    assert_eq!(wanted(&program, Wish { certificates: Some(false), zones: None }), [false, true]);
    let [first, _] = program.decide(Wish::default());
    assert_eq!(first.because, "because the program mentions `/etc/ssl/certs`");
}

#[test]
fn one_with_a_loader_gets_libraries() {
    let loader = "/lib64/ld-linux-x86-64.so.2";
    let (_folder, program) = read(&elf(SHARED, X86_64, Some(loader), ""));
    let program = program.unwrap();
    assert!(!program.is_static());
    assert_eq!(program.natives().as_deref(), Some(loader));
    let decisions = program.decide(Wish::default());
    let data = Data { certificates: true, zones: true };
    assert_eq!(program.purpose(&decisions, false), Purpose::Program(data));
}

#[test]
fn other_files_are_no_programs() {
    let said = |bytes: &[u8]| read(bytes).1.unwrap_err();
    assert!(matches!(said(b"#!/bin/sh\n"), ProgramError::NotElf { is_script: true, .. }));
    assert!(matches!(said(b""), ProgramError::NotElf { is_script: false, .. }));
    let other = said(&elf(EXECUTABLE, AARCH64, None, ""));
    assert!(other.to_string().ends_with("is for aarch64, and the image is for amd64"), "{other}");
    assert!(matches!(said(&elf(1, X86_64, None, "")), ProgramError::NoProgram { .. }));
    let cut = &elf(EXECUTABLE, X86_64, None, "")[..40];
    assert!(matches!(said(cut), ProgramError::Broken { .. } | ProgramError::NotElf { .. }));
    let folder = tempfile::tempdir().unwrap();
    let missing = Program::read(&folder.path().join("no"), "amd64");
    assert!(matches!(missing, Err(ProgramError::Missing { .. })));
    assert!(matches!(Program::read(folder.path(), "amd64"), Err(ProgramError::NoFile { .. })));
}

#[test]
fn it_may_be_executed_in_the_image() {
    let (_folder, program) = read(&elf(EXECUTABLE, X86_64, None, ""));
    let program = program.unwrap();
    let at = place(&RootPath::parse(b"app").unwrap(), "target/release/server");
    assert_eq!(at.to_string(), "/app/server");
    let collected = |items| Collected {
        parcel: Parcel {
            package: PackageId {
                origin: Origin::Project,
                name: "x".to_owned(),
                version: String::new(),
            },
            items,
        },
        size: ByteSize::ZERO,
        left_out: Vec::new(),
        warnings: Vec::new(),
    };
    let placed = program.place(collected(vec![Item::made(at.clone(), "x")]), &at).unwrap();
    assert!(matches!(placed.parcel.items[0].kind, ItemKind::File { mode: 0o755, .. }));
    let missing = program.place(collected(Vec::new()), &at);
    assert!(matches!(missing, Err(ProgramError::LeftOut { .. })));
}
