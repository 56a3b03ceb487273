//! What a task tells Kubernetes, as far as it has a meaning on one machine. Where it is scheduled, by whom it is
//! tolerated and what its pod is labelled has none.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs;
use std::os::unix::ffi::OsStringExt as _;
use std::path::{Path, PathBuf};

use lightship_base::ByteSize;
use lightship_engine::{Failure, Reason};
use lightship_ir::{Kubernetes, ObjectAsEnv, ObjectAsVolume, ParameterBinding};
use lightship_sandbox::{Mount, MountContent, Spec, User};

use super::Attempt;
use crate::volumes::{self, Kind, Volumes};

/// What an empty folder in memory may hold where nothing else is said: Kubernetes gives it half of the node's memory.
const MEMORY_FOLDER: ByteSize = ByteSize(1 << 30);

pub(super) fn apply(
    attempt: &Attempt,
    wishes: &Kubernetes,
    volumes: &Volumes,
    spec: &mut Spec,
) -> Result<(), Failure> {
    let job = Job { attempt, volumes };
    for (kind, list) in
        [(Kind::Secret, &wishes.secret_env), (Kind::ConfigMap, &wishes.config_map_env)]
    {
        for one in list {
            job.variables(kind, one, spec)?;
        }
    }
    for (kind, list) in
        [(Kind::Secret, &wishes.secret_volumes), (Kind::ConfigMap, &wishes.config_map_volumes)]
    {
        for one in list {
            spec.mounts.extend(job.keys(kind, one)?);
        }
    }
    for volume in &wishes.volumes {
        let folder = volumes.part(&job.name(&volume.name)?, &volume.sub_path)?;
        let content = MountContent::Writable(folder);
        spec.mounts.push(Mount { target: PathBuf::from(&volume.path), content });
    }
    for volume in &wishes.ephemeral_volumes {
        spec.mounts.push(job.own_folder(&volume.path, &volume.name)?);
    }
    for folder in &wishes.empty_dirs {
        let in_memory = folder.medium.as_deref() == Some("Memory");
        spec.mounts.push(if in_memory {
            memory(&folder.path, folder.size_limit)
        } else {
            job.own_folder(&folder.path, &folder.name)?
        });
    }
    if let Some(shared) = &wishes.shared_memory {
        spec.mounts.push(memory("/dev/shm", shared.size));
    }
    for (name, field) in &wishes.field_env {
        spec.set_variable(name, job.field(field, wishes));
    }
    let security = &wishes.security;
    if let Some(user) = security.user {
        let group = security.group.map(|group| format!(":{group}")).unwrap_or_default();
        spec.user = User(format!("{user}{group}"));
    }
    Ok(())
}

struct Job<'j> {
    attempt: &'j Attempt,
    volumes: &'j Volumes,
}

impl Job<'_> {
    fn name(&self, binding: &ParameterBinding) -> Result<String, Failure> {
        let value = self.attempt.launch.name(binding);
        let value =
            value.ok_or_else(|| start("a name of a volume or secret has no value".to_owned()))?;
        Ok(lightship_ir::value::text_of(value))
    }

    fn variables(&self, kind: Kind, wish: &ObjectAsEnv, spec: &mut Spec) -> Result<(), Failure> {
        let name = self.name(&wish.name)?;
        let Some(declared) = self.volumes.declared(kind, &name, wish.optional)? else {
            return Ok(());
        };
        for pair in &wish.keys {
            match declared.value(kind, &name, &pair.key)? {
                Some(value) => spec.set_variable(&pair.variable, OsString::from_vec(value)),
                None if wish.optional => {}
                None => return Err(kind.without_key(&name, &pair.key)),
            }
        }
        Ok(())
    }

    /// A folder with a file for each key.
    fn keys(&self, kind: Kind, wish: &ObjectAsVolume) -> Result<Option<Mount>, Failure> {
        let name = self.name(&wish.name)?;
        let Some(declared) = self.volumes.declared(kind, &name, wish.optional)? else {
            return Ok(None);
        };
        let folder = self.beside(kind.table()).join(name.replace('/', "_"));
        volumes::make(&folder).map_err(|error| failed(&folder, &error))?;
        for key in declared.keys() {
            let path = folder.join(key.replace('/', "_"));
            let value = declared.value(kind, &name, key)?.unwrap_or_default();
            fs::write(&path, value).map_err(|error| failed(&path, &error))?;
        }
        let content = MountContent::ReadOnly(folder);
        Ok(Some(Mount { target: PathBuf::from(&wish.path), content }))
    }

    /// A folder that lives as long as the attempt.
    fn own_folder(&self, target: &str, name: &str) -> Result<Mount, Failure> {
        Self::folder(target, self.beside("folders").join(name.replace('/', "_")))
    }

    fn folder(target: &str, folder: PathBuf) -> Result<Mount, Failure> {
        volumes::make(&folder).map_err(|error| failed(&folder, &error))?;
        Ok(Mount { target: PathBuf::from(target), content: MountContent::Writable(folder) })
    }

    /// In the attempt's own folder, of which only the log stays when it ends.
    fn beside(&self, what: &str) -> PathBuf {
        self.attempt.folders.own.join(what)
    }

    /// A field of the pod that there is not: its names are the run's and the task's. What a pod does not have is empty.
    fn field(&self, path: &str, wishes: &Kubernetes) -> String {
        let launch = &self.attempt.launch;
        let of =
            |map: &BTreeMap<String, String>, key: &str| map.get(key).cloned().unwrap_or_default();
        if let Some(key) = key_of(path, "metadata.annotations") {
            return of(&wishes.metadata.annotations, key);
        }
        if let Some(key) = key_of(path, "metadata.labels") {
            return of(&wishes.metadata.labels, key);
        }
        match path {
            "metadata.name" | "metadata.uid" => {
                format!("{}-{}-{}", launch.id.run, launch.id.node, launch.id.attempt)
            }
            "metadata.namespace" => "default".to_owned(),
            "status.podIP" | "status.hostIP" => "127.0.0.1".to_owned(),
            "spec.nodeName" => "lightship".to_owned(),
            _ => String::new(),
        }
    }
}

/// The key in `metadata.labels['key']` (*Kubernetes, Downward API*).
fn key_of<'p>(path: &'p str, map: &str) -> Option<&'p str> {
    let key = path.strip_prefix(map)?.strip_prefix('[')?.strip_suffix(']')?;
    Some(key.trim_matches(|c| c == '\'' || c == '"'))
}

fn memory(path: &str, size: Option<ByteSize>) -> Mount {
    let content = MountContent::Memory(size.unwrap_or(MEMORY_FOLDER));
    Mount { target: PathBuf::from(path), content }
}

fn start(message: String) -> Failure {
    Failure::new(Reason::Start, message)
}

fn failed(path: &Path, error: &std::io::Error) -> Failure {
    start(format!("cannot write {}: {error}", path.display()))
}
