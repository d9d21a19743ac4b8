use super::*;
use proptest::prelude::*;
use serde_json::json;

const NASTY: &str =
    "<script>alert(1)</script>\u{0}\u{1b}[31m\u{202e}gnp.exe & \"quotes\" 'x' [a](javascript:1) | `x` **b**";

/// A text with `words` in every place that a text has.
fn everywhere(words: &str) -> RichText {
    let line = || Line::default().text(words).bold(words).code(words);
    RichText(vec![
        Block::heading(line()),
        Block::paragraph(line()),
        Block::steps([line()]),
        Block::bullets([line()]),
        Block::Table { head: vec![line()], rows: vec![vec![line()]] },
        Block::Code { text: words.to_owned() },
    ])
}

/// All text of a document, which has none that is empty.
fn words_of(node: &serde_json::Value, texts: &mut Vec<String>) {
    if let Some(text) = node["text"].as_str() {
        assert!(!text.is_empty(), "{node}");
        texts.push(text.to_owned());
    }
    node["content"].as_array().into_iter().flatten().for_each(|inner| words_of(inner, texts));
}

#[test]
fn markup_in_any_place_is_shown_and_not_obeyed() {
    let html = everywhere(NASTY).to_html();
    assert!(!html.contains("<script"), "{html}");
    assert!(html.contains("&lt;script&gt;alert(1)&lt;/script&gt;"), "{html}");
    let markdown = everywhere(NASTY).to_markdown();
    let (before_code, code) = markdown.split_once("```").expect("a code block");
    assert!(!before_code.contains("[a](javascript"), "{markdown}");
    assert!(code.contains("[a](javascript"), "code is as it was: {markdown}");
}

#[test]
fn control_and_direction_characters_reach_no_form() {
    let text = everywhere(NASTY);
    let mut texts = Vec::new();
    words_of(&text.to_adf(), &mut texts);
    for form in [text.to_html(), text.to_markdown(), text.to_plain(), texts.concat()] {
        assert!(!form.chars().any(|letter| letter != '\n' && letter.is_control()), "{form:?}");
        assert!(!form.contains('\u{202e}'), "{form:?}");
    }
}

#[test]
fn a_note_reads_well_in_every_form() {
    let text = RichText(vec![
        Block::paragraph(Line::default().bold("The disk is full.").text(" 1 GiB left.")),
        Block::steps(["Empty the bin", "Restart"]),
    ]);
    assert_eq!(text.to_plain(), "The disk is full. 1 GiB left.\n\n1. Empty the bin\n2. Restart");
    assert_eq!(
        text.to_html(),
        "<p><strong>The disk is full.</strong> 1 GiB left.</p><ol><li>Empty the bin</li><li>Restart</li></ol>"
    );
    assert_eq!(text.to_markdown(), "**The disk is full\\.** 1 GiB left\\.\n\n1. Empty the bin\n2. Restart");
}

#[test]
fn a_document_has_nodes_for_what_a_note_has() {
    let line = Line::default().text("See\n").bold("C:").text("").code("chkdsk");
    let text = RichText(vec![
        Block::heading("Why"),
        Block::paragraph(line),
        Block::steps(["Restart"]),
        Block::Table { head: vec!["Drive".into()], rows: vec![vec!["C:".into()]] },
        Block::Code { text: "a\n  b".to_owned() },
        Block::Code { text: String::new() },
    ]);
    let words = |text: &str| json!({ "type": "text", "text": text });
    let paragraph = |text: &str| json!({ "type": "paragraph", "content": [words(text)] });
    let marked = |text: &str, mark: &str| json!({ "type": "text", "text": text, "marks": [{ "type": mark }] });
    assert_eq!(
        text.to_adf(),
        json!({ "type": "doc", "version": 1, "content": [
            { "type": "heading", "attrs": { "level": 3 }, "content": [words("Why")] },
            { "type": "paragraph", "content": [
                words("See"), { "type": "hardBreak" }, marked("C:", "strong"), marked("chkdsk", "code"),
            ] },
            { "type": "orderedList", "content": [{ "type": "listItem", "content": [paragraph("Restart")] }] },
            { "type": "table", "content": [
                { "type": "tableRow", "content": [{ "type": "tableHeader", "content": [paragraph("Drive")] }] },
                { "type": "tableRow", "content": [{ "type": "tableCell", "content": [paragraph("C:")] }] },
            ] },
            { "type": "codeBlock", "content": [words("a\n  b")] },
            { "type": "codeBlock", "content": [] },
        ] })
    );
    words_of(&everywhere("").to_adf(), &mut Vec::new());
}

#[test]
fn paragraphs_are_split_at_empty_lines() {
    let text = RichText::paragraphs("one\r\ntwo\r\n\r\n\u{7}three");
    assert_eq!(text.to_html(), "<p>one<br>two</p><p>three</p>");
}

#[test]
fn a_text_without_end_is_cut_and_says_so() {
    let long = RichText(vec![Block::bullets(vec!["é".repeat(10_000); 100])]).bounded().to_plain();
    assert!(long.ends_with("- and 75 more"), "{}", &long[long.len() - 40..]);
    assert!(long.chars().count() < 25 * 610);
}

proptest! {
    #[test]
    fn html_has_only_our_own_elements(words in ".{0,60}") {
        let bare = everywhere("").to_html().matches('<').count();
        let breaks = everywhere(&words).to_html().matches("<br>").count();
        prop_assert_eq!(everywhere(&words).to_html().matches('<').count() - breaks, bare);
    }
}

#[test]
fn what_stands_between_backticks_in_a_step_is_machine_text() {
    let line = Line::step("Confirm: `df -h` shows <b>.");
    let html = RichText(vec![Block::paragraph(line)]).to_html();
    assert!(html.contains("Confirm: <code>df -h</code> shows &lt;b&gt;."), "{html}");
}
