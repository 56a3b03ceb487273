//! Several platforms in one lock.

use super::{Deb, Lock, PlatformName, Sdist, Wheel};

/// A package as far as merging goes.
trait Entry: Clone + PartialEq {
    fn name(&self) -> &str;
    fn platforms(&mut self) -> &mut Vec<PlatformName>;
}

impl Lock {
    /// One lock for all platforms of two. Packages that both have alike become one entry; what is said
    /// once (inputs, Python, suite) is `self`'s. Of a platform that both know, what `other` says counts.
    #[must_use]
    pub fn merged_with(mut self, other: &Self) -> Self {
        self.forget(&other.platforms);
        if self.platforms.is_empty() {
            return Self { inputs: self.inputs, ..other.clone() }.sorted();
        }
        let ours = self.platforms.clone();
        let mut all = ours.clone();
        all.extend(other.platforms.iter().cloned());
        all.sort();
        all.dedup();
        let sides = Sides { ours: &ours, theirs: &other.platforms, all: &all };
        sides.merge(&mut self.debs, &other.debs);
        sides.merge(&mut self.wheels, &other.wheels);
        sides.merge(&mut self.sdists, &other.sdists);
        sides.merge(&mut self.build_debs, &other.build_debs);
        self.platforms = all;
        self.images.extend(other.images.iter().cloned());
        self.interpreters.extend(other.interpreters.iter().cloned());
        self.sorted()
    }
}

impl Lock {
    /// Leaves out everything that is for these platforms only.
    fn forget(&mut self, platforms: &[PlatformName]) {
        let all = std::mem::take(&mut self.platforms);
        forget(&mut self.debs, &all, platforms);
        forget(&mut self.wheels, &all, platforms);
        forget(&mut self.sdists, &all, platforms);
        forget(&mut self.build_debs, &all, platforms);
        self.images.retain(|image| !platforms.contains(&image.platform));
        self.interpreters.retain(|interpreter| !platforms.contains(&interpreter.platform));
        self.platforms = all;
        self.platforms.retain(|platform| !platforms.contains(platform));
    }
}

fn forget<T: Entry>(entries: &mut Vec<T>, all: &[PlatformName], gone: &[PlatformName]) {
    entries.retain_mut(|entry| {
        let platforms = entry.platforms();
        spread(platforms, all);
        platforms.retain(|platform| !gone.contains(platform));
        !platforms.is_empty()
    });
}

struct Sides<'a> {
    ours: &'a [PlatformName],
    theirs: &'a [PlatformName],
    all: &'a [PlatformName],
}

impl Sides<'_> {
    fn merge<T: Entry>(&self, into: &mut Vec<T>, from: &[T]) {
        for mine in &mut *into {
            spread(mine.platforms(), self.ours);
        }
        for one in from {
            let mut one = one.clone();
            let mut platforms = std::mem::take(one.platforms());
            spread(&mut platforms, self.theirs);
            let alike = |mine: &&mut T| {
                if mine.name() != one.name() {
                    return false;
                }
                let mut bare = (**mine).clone();
                bare.platforms().clear();
                bare == one
            };
            if let Some(mine) = into.iter_mut().find(alike) {
                mine.platforms().extend(platforms);
            } else {
                *one.platforms() = platforms;
                into.push(one);
            }
        }
        for mine in into {
            let platforms = mine.platforms();
            platforms.sort();
            platforms.dedup();
            if platforms == self.all {
                platforms.clear();
            }
        }
    }
}

/// Says what goes without saying.
fn spread(platforms: &mut Vec<PlatformName>, all: &[PlatformName]) {
    if platforms.is_empty() {
        platforms.extend_from_slice(all);
    }
}

impl Entry for Deb {
    fn name(&self) -> &str {
        &self.name
    }

    fn platforms(&mut self) -> &mut Vec<PlatformName> {
        &mut self.platforms
    }
}

impl Entry for Wheel {
    fn name(&self) -> &str {
        &self.name
    }

    fn platforms(&mut self) -> &mut Vec<PlatformName> {
        &mut self.platforms
    }
}

impl Entry for Sdist {
    fn name(&self) -> &str {
        &self.name
    }

    fn platforms(&mut self) -> &mut Vec<PlatformName> {
        &mut self.platforms
    }
}
