//! Takes the characters out of a text that no person typed to be read.

/// `text` without control characters (line breaks and tabs stay) and without characters that turn text around or
/// hide in it. Line ends become `\n`.
pub fn clean(text: &str) -> String {
    let text = text.replace("\r\n", "\n").replace('\r', "\n");
    text.chars().filter(|&letter| matches!(letter, '\n' | '\t') || is_visible(letter)).collect()
}

/// [`clean`], on one line: line breaks and tabs become spaces.
pub fn clean_line(text: &str) -> String {
    let text = clean(text).replace(['\n', '\t'], " ");
    text.trim().to_owned()
}

/// Whether a letter is neither a control character nor a direction mark nor another character without a shape that
/// could make one text look like another.
fn is_visible(letter: char) -> bool {
    let hidden = matches!(letter,
        '\u{00ad}' | '\u{061c}' | '\u{180e}' | '\u{200b}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}');
    !letter.is_control() && !hidden
}
