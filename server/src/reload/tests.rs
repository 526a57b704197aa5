//! A source of the test's own, whose files change.

use std::{fs, path::PathBuf, time::Duration};

use tempfile::TempDir;
use tokio::time::sleep;

use super::*;
use crate::telemetry;

/// Longer than from one look at the files to the next.
const A_LOOK: Duration = Duration::from_secs(5);

/// A number in a file.
struct Number(PathBuf);

impl Source for Number {
    type Value = u32;
    const NAME: &'static str = "number";

    fn listener(&self) -> &'static str {
        "server"
    }

    fn files(&self) -> Vec<&Path> {
        vec![&self.0]
    }

    fn load(&self, _notes: &mut Notes) -> Result<u32, Error> {
        let text = fs::read_to_string(&self.0).unwrap_or_default();
        let wrong = |_| Error::invalid("number", text.as_str(), "a number");
        text.trim().parse().map_err(wrong)
    }
}

struct Fixture {
    folder: TempDir,
    number: Reloaded<u32>,
}

impl Fixture {
    fn new(path: impl FnOnce(&TempDir) -> PathBuf) -> Self {
        let folder = TempDir::new().unwrap();
        let path = path(&folder);
        Self {
            number: Reloaded::open(Number(path), telemetry::unread()).unwrap(),
            folder,
        }
    }

    /// After the files have been looked at, perhaps more than once.
    async fn now(&self) -> u32 {
        sleep(A_LOOK).await;
        *self.number.now()
    }
}

#[tokio::test(start_paused = true)]
async fn a_changed_file_is_read_again_and_a_broken_one_is_not_believed() {
    let file = |folder: &TempDir| folder.path().join("number");
    let fixture = Fixture::new(|folder| {
        fs::write(file(folder), "1").unwrap();
        file(folder)
    });
    assert_eq!(*fixture.number.now(), 1);
    fs::write(file(&fixture.folder), "2").unwrap();
    assert_eq!(fixture.now().await, 2);
    fs::write(file(&fixture.folder), "two").unwrap();
    assert_eq!(fixture.now().await, 2);
    fs::remove_file(file(&fixture.folder)).unwrap();
    assert_eq!(fixture.now().await, 2);
    fs::write(file(&fixture.folder), "3").unwrap();
    assert_eq!(fixture.now().await, 3);
}

/// As Kubernetes mounts a secret: `number` leads to `..data/number`, and `..data`
/// to the folder of one version.
#[cfg(unix)]
#[tokio::test(start_paused = true)]
async fn a_link_that_is_exchanged_is_a_change() {
    use std::os::unix::fs::symlink;
    let version = |folder: &TempDir, name: &str, number: &str| {
        let version = folder.path().join(name);
        fs::create_dir(&version).unwrap();
        fs::write(version.join("number"), number).unwrap();
        let link = folder.path().join("..data.new");
        symlink(version, &link).unwrap();
        fs::rename(link, folder.path().join("..data")).unwrap();
    };
    let fixture = Fixture::new(|folder| {
        version(folder, "..1", "1");
        let file = folder.path().join("number");
        symlink("..data/number", &file).unwrap();
        file
    });
    version(&fixture.folder, "..2", "2");
    assert_eq!(fixture.now().await, 2);
}
