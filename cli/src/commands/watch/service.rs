//! A description of `cemem watch` for the program that keeps services running.
//!
//! Owns the two texts and their escaping. Must not install them: the person does.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use cemem_ingest::discover::Os;

use crate::args::WatchArgs;
use crate::command_error::CommandError;
use crate::context::{Context, absolute};
use crate::engine_places;
use crate::ui::one_line;

/// Returns a systemd user unit or a launchd property list, for the platform this was built for.
pub(super) fn text(context: &Context, args: &WatchArgs) -> Result<String, CommandError> {
    let program = std::env::current_exe()
        .map_err(|_| CommandError::user("cannot tell where this program is"))?;
    let mut words = vec![program.to_string_lossy().into_owned(), "watch".to_owned()];
    if args.poll {
        words.push("--poll".to_owned());
    }
    if context.named {
        words.extend(["--project".to_owned(), context.project.root.to_string_lossy().into_owned()]);
    }
    // Without them a service would look where no shell told it to. A relative one means a place in
    // each project, and stays so.
    let as_text = |path: PathBuf| path.to_string_lossy().into_owned();
    let engines = engine_places::of(context).variables.into_iter();
    let mut set: BTreeMap<String, String> = engines.map(|(name, v)| (name, as_text(v))).collect();
    if let Some(home) = std::env::var_os("CEMEM_HOME").filter(|v| !v.is_empty()) {
        set.insert("CEMEM_HOME".to_owned(), as_text(absolute(Path::new(&home))?));
    }
    if let Some(odd) = words.iter().chain(set.values()).find(|w| w.contains(char::is_control)) {
        let message = format!("`{}` cannot stand in a service file", one_line(odd));
        return Err(CommandError::user(message).hint("rename the folder: its name breaks the line"));
    }
    match Os::HERE {
        Os::Linux => Ok(systemd(&words, &set)),
        Os::MacOs => Ok(launchd(&words, &set)),
        Os::Windows => Err(CommandError::user("there is no service file for this platform")
            .hint("run `cemem watch` from the Task Scheduler at log-on")),
    }
}

fn systemd(words: &[String], variables: &BTreeMap<String, String>) -> String {
    let command: Vec<String> = words.iter().map(|w| systemd_word(w, true)).collect();
    let line = |(name, value): (&String, &String)| {
        format!("Environment={}\n", systemd_word(&format!("{name}={value}"), false))
    };
    let variables: String = variables.iter().map(line).collect();
    format!(
        "# ~/.config/systemd/user/cemem.service; then: systemctl --user enable --now cemem\n\
         [Unit]\n\
         Description=cemem reads what agents and reviewers write, as soon as it is written\n\
         \n\
         [Service]\n\
         ExecStart={}\n\
         {}Restart=on-failure\n\
         RestartSec=30\n\
         Nice=10\n\
         \n\
         [Install]\n\
         WantedBy=default.target\n",
        command.join(" "),
        variables
    )
}

/// Quotes a word; `%` begins a specifier, and in a command `$` a variable.
fn systemd_word(word: &str, command: bool) -> String {
    let word = word.replace('\\', "\\\\").replace('"', "\\\"").replace('%', "%%");
    let word = if command { word.replace('$', "$$") } else { word };
    format!("\"{word}\"")
}

fn launchd(words: &[String], variables: &BTreeMap<String, String>) -> String {
    let words: String =
        words.iter().map(|w| format!("    <string>{}</string>\n", xml(w))).collect();
    let pair = |(name, value): (&String, &String)| {
        format!("    <key>{}</key>\n    <string>{}</string>\n", xml(name), xml(value))
    };
    let pairs: String = variables.iter().map(pair).collect();
    let variables = match pairs.as_str() {
        "" => String::new(),
        pairs => format!("  <key>EnvironmentVariables</key>\n  <dict>\n{pairs}  </dict>\n"),
    };
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
         <!-- ~/Library/LaunchAgents/cemem.watch.plist; then: launchctl load -w that file -->\n\
         <!DOCTYPE plist PUBLIC \"-//Apple//DTD PLIST 1.0//EN\" \
         \"http://www.apple.com/DTDs/PropertyList-1.0.dtd\">\n\
         <plist version=\"1.0\">\n<dict>\n  <key>Label</key>\n  <string>cemem.watch</string>\n  \
         <key>ProgramArguments</key>\n  <array>\n{words}  </array>\n{variables}  <key>RunAtLoad</key>\n  \
         <true/>\n  <key>KeepAlive</key>\n  <dict>\n    <key>SuccessfulExit</key>\n    <false/>\n  \
         </dict>\n  <key>ProcessType</key>\n  <string>Background</string>\n</dict>\n</plist>\n"
    )
}

fn xml(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn odd_paths_are_quoted() {
        let words = ["/opt/my \"tools\"/50%/$x/cemem".to_owned(), "watch".to_owned()];
        let set = BTreeMap::from([("CEMEM_HOME".to_owned(), "/d a/50%".to_owned())]);
        let unit = systemd(&words, &set);
        assert!(
            unit.contains("ExecStart=\"/opt/my \\\"tools\\\"/50%%/$$x/cemem\" \"watch\"\n"),
            "{unit}"
        );
        assert!(unit.contains("Environment=\"CEMEM_HOME=/d a/50%%\"\n"), "{unit}");
        let command = ["/a & b/cemem".to_owned()];
        for (set, dicts) in [(BTreeMap::new(), 2), (set, 3)] {
            let list = launchd(&command, &set);
            assert!(list.contains("<string>/a &amp; b/cemem</string>"), "{list}");
            assert_eq!(list.contains("<string>/d a/50%</string>"), dicts == 3, "{list}");
            assert_eq!(
                (list.matches("<dict>").count(), list.matches("</dict>").count()),
                (dicts, dicts)
            );
        }
    }
}
