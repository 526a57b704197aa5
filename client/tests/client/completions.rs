//! `ser-client completions`.

use std::process::Command;

use crate::support::program::{Recording, run};

#[tokio::test]
async fn every_shell_gets_a_script() {
    for (shell, marker) in [
        ("bash", "complete -F"),
        ("elvish", "edit:completion"),
        ("fish", "complete -c ser-client"),
        ("powershell", "Register-ArgumentCompleter"),
        ("zsh", "#compdef ser-client"),
    ] {
        let ended = run("http://127.0.0.1:1", &["completions", shell]).await;
        assert_eq!(ended.code, Some(0), "{ended:?}");
        for text in [marker, "stream", "connect-timeout"] {
            assert!(ended.stdout.contains(text), "{shell}: no {text:?}");
        }
    }
    let ended = run("http://127.0.0.1:1", &["completions", "cmd"]).await;
    assert_eq!(ended.code, Some(2), "{ended:?}");
}

#[tokio::test]
async fn bash_completes_with_it() {
    let ended = run("http://127.0.0.1:1", &["completions", "bash"]).await;
    let script = Recording::write("ser-client.bash", ended.stdout.as_bytes());
    // The function has the name under which it was registered: complete … -F NAME ….
    let complete = "source \"$0\"; registered=$(complete -p ser-client); \
                    function=${registered#*-F }; function=${function%% *}; \
                    COMP_WORDS=(ser-client stream --connect); COMP_CWORD=2; \
                    \"$function\" ser-client --connect stream; echo \"${COMPREPLY[@]}\"";
    let said = Command::new("bash")
        .args(["-c", complete, script.path()])
        .output()
        .unwrap();
    assert_eq!(
        String::from_utf8_lossy(&said.stdout),
        "--connect-timeout\n",
        "{said:?}"
    );
}
