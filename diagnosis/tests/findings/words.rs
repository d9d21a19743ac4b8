//! What texts for people must not say.

/// Words that the person at the machine must not need to know.
const JARGON: &str = "dns dhcp tcp tls ssl ip nic gateway subnet resolver inode inodes mount mountpoint filesystem partition \
    iops latency swap oom psi paging commit cpu irq dpc kernel daemon systemd pid thread spool nan smart nvme ecc edac \
    firmware stop-code bugcheck handle handles descriptor gpu driver-reset";

pub(crate) fn has_jargon(text: &str) -> bool {
    JARGON.split_whitespace().any(|word| has(text, word))
}

/// Whether a sentence names something that only this program knows.
pub(crate) fn has_inner_name(text: &str) -> bool {
    text.contains(['_', '{', '}'])
        || ["endpoint.", "system.", "process.", "avg300", "NaN"].iter().any(|name| text.contains(name))
}

/// Whether a text has a word.
pub(crate) fn has(text: &str, word: &str) -> bool {
    let text = text.to_lowercase();
    text.split(|letter: char| !letter.is_alphanumeric() && letter != '_').any(|one| one == word)
}
