//! Files of stanzas, as dpkg and apt keep them: `Name: value` lines, a blank line after each stanza. Read as a stream,
//! since the list of a distribution has fifty megabytes.

use std::io::{self, BufRead};

/// A line beyond this is cut: descriptions of one line are the only ones as long, and nobody asks for them.
const LINE_BYTES_MAX: usize = 64 * 1024;

/// The wanted fields of one stanza after the other, into the same buffers.
pub(crate) struct Stanzas<R, const N: usize> {
    source: R,
    names: [&'static str; N],
    values: [String; N],
    line: Vec<u8>,
}

impl<R: BufRead, const N: usize> Stanzas<R, N> {
    /// Looks for fields of these names.
    pub(crate) fn new(source: R, names: [&'static str; N]) -> Self {
        Self { source, names, values: std::array::from_fn(|_| String::new()), line: Vec::new() }
    }

    /// The wanted values of the next stanza, in the order of their names; an absent one is empty. `None` at the end.
    ///
    /// # Errors
    /// The source fails.
    pub(crate) fn next(&mut self) -> io::Result<Option<&[String; N]>> {
        self.values.iter_mut().for_each(String::clear);
        let mut lines = 0;
        while self.read_line()? {
            if self.line.trim_ascii().is_empty() {
                if lines > 0 {
                    break;
                }
                continue;
            }
            lines += 1;
            self.enter();
        }
        Ok((lines > 0).then_some(&self.values))
    }

    /// Keeps the line's value when it is wanted. Lines that continue the one before begin with a blank.
    fn enter(&mut self) {
        let Some(colon) = self.line.iter().position(|&byte| byte == b':') else { return };
        let name = &self.line[..colon];
        let Some(index) = self.names.iter().position(|wanted| wanted.as_bytes().eq_ignore_ascii_case(name)) else {
            return;
        };
        self.values[index].push_str(String::from_utf8_lossy(&self.line[colon + 1..]).trim());
    }

    /// Reads a line, cut to what anybody could want of it; whether there was one.
    fn read_line(&mut self) -> io::Result<bool> {
        self.line.clear();
        let mut read = 0;
        loop {
            let bytes = self.source.fill_buf()?;
            if bytes.is_empty() {
                return Ok(read > 0);
            }
            let end = bytes.iter().position(|&byte| byte == b'\n');
            let used = end.map_or(bytes.len(), |end| end + 1);
            let room = LINE_BYTES_MAX.saturating_sub(self.line.len());
            self.line.extend_from_slice(&bytes[..used.min(room)]);
            self.source.consume(used);
            read += used;
            if end.is_some() {
                return Ok(true);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(text: &[u8]) -> Vec<[String; 2]> {
        let mut stanzas = Stanzas::new(text, ["Package", "Version"]);
        std::iter::from_fn(|| stanzas.next().expect("memory does not fail").cloned()).collect()
    }

    #[test]
    fn gives_the_wanted_fields_of_each_stanza() {
        let text = b"\nPackage: a\nDescription: one: two\n Version: not this\nVersion: 1\n\n\nPackage: b\n";
        let expected = [["a".to_owned(), "1".to_owned()], ["b".to_owned(), String::new()]];
        assert_eq!(all(text), expected);
    }

    #[test]
    fn a_line_without_an_end_is_cut_and_what_follows_is_read() {
        let mut text = b"Package: ".to_vec();
        text.extend(std::iter::repeat_n(b'x', 1_000_000));
        text.extend(b"\nVersion: 2\n");
        let all = all(&text);
        assert_eq!((all[0][0].len(), all[0][1].as_str()), (LINE_BYTES_MAX - "Package: ".len(), "2"));
    }

    #[test]
    fn nonsense_is_a_stanza_without_fields() {
        assert_eq!(all(b"\xff\xfe\x00: nothing\nno colon"), [[String::new(), String::new()]]);
        assert_eq!(all(b"\n\n").len(), 0);
    }
}
