use super::super::expression::Subject;
use super::super::syntax::{Form, Node};
use super::super::unit::Unit;
use super::{Compiler, InputSpec, Parsed};

/// Functions that look at a field of an event.
const FIELDS: [&str; 4] = ["alike", "amount", "field", "kinds"];

impl Compiler<'_> {
    /// Names the left side of a comparison for evidence and sentences.
    pub(super) fn subject(&self, node: &Node, unit: Unit, wanted: Option<String>) -> Subject {
        let inputs = self.inputs_in(node);
        let plain = self.plain(node);
        let label = match (&node.form, &plain) {
            (_, Some((index, _))) => label(&self.names.inputs[*index]),
            (Form::Name(name), None) => sentence_case(&name.replace('_', " ")),
            (Form::Call(function, arguments), None) if FIELDS.contains(&function.as_str()) => {
                self.field_label(arguments)
            }
            _ => self.expanded(node, &|input| input.name.replace('_', " ")),
        };
        let signal = match &plain {
            Some((index, _)) => self.names.inputs[*index].signal.name.clone(),
            None => self.expanded(node, &|input| input.signal.name.clone()),
        };
        let window = match plain {
            Some((_, ref window)) => window.clone(),
            None => self.only_window(node).unwrap_or_default(),
        };
        Subject { signal, label, window, input: plain.map(|(index, _)| index), inputs, unit, wanted }
    }

    /// `A program crashed (module)`.
    fn field_label(&self, arguments: &[Node]) -> String {
        let input = arguments.first().and_then(|event| self.plain(event));
        let label = input.map_or_else(String::new, |(index, _)| self.names.inputs[index].signal.label.clone());
        match arguments.get(1).map(|name| &name.form) {
            Some(Form::Text(name)) => format!("{label} ({})", name.replace('_', " ")),
            _ => label,
        }
    }

    /// An input by itself, or one window over it: its index and the window as written.
    fn plain(&self, node: &Node) -> Option<(usize, String)> {
        match &node.form {
            Form::Name(name) => {
                if let Some(index) = self.names.inputs.iter().position(|input| input.name == *name) {
                    return Some((index, String::new()));
                }
                let (_, Parsed(inner)) = self.names.derived.iter().find(|(derived, _)| derived == name)?;
                if inner == node { None } else { self.plain(inner) }
            }
            Form::Call(function, arguments) if function == "coalesce" => self.plain(arguments.first()?),
            Form::Call(function, arguments) if !["bit", "count", "points", "share"].contains(&function.as_str()) => {
                let (index, inner_window) = self.plain(arguments.first()?)?;
                match arguments.as_slice() {
                    [_] => Some((index, inner_window)),
                    [_, window] if matches!(window.form, Form::Number(..)) => Some((index, printed(window))),
                    _ => None,
                }
            }
            _ => None,
        }
    }

    /// The window, when all windows in `node` are the same.
    fn only_window(&self, node: &Node) -> Option<String> {
        let mut windows = Vec::new();
        self.windows(node, 0, &mut windows);
        windows.dedup();
        if windows.len() == 1 { windows.pop() } else { None }
    }

    fn windows(&self, node: &Node, depth: usize, found: &mut Vec<String>) {
        match &node.form {
            Form::Call(_, arguments) => {
                for argument in arguments {
                    match &argument.form {
                        Form::Number(_, Some(unit)) if unit.is_time() => found.push(printed(argument)),
                        _ => self.windows(argument, depth, found),
                    }
                }
            }
            Form::Name(name) if depth < 16 => {
                if let Some((_, Parsed(inner))) = self.names.derived.iter().find(|(derived, _)| derived == name) {
                    self.windows(inner, depth + 1, found);
                }
            }
            Form::Negative(inner) | Form::Not(inner) => self.windows(inner, depth, found),
            Form::Arithmetic(_, left, right) | Form::Compare(_, left, right) => {
                self.windows(left, depth, found);
                self.windows(right, depth, found);
            }
            _ => {}
        }
    }

    /// `node` with derived names expanded and inputs named by `name`.
    fn expanded(&self, node: &Node, name: &dyn Fn(&InputSpec) -> String) -> String {
        print(node, &|word| {
            if let Some(input) = self.names.inputs.iter().find(|input| input.name == word) {
                return name(input);
            }
            match self.names.derived.iter().find(|(derived, _)| derived == word) {
                Some((_, Parsed(inner))) if !matches!(&inner.form, Form::Name(same) if same == word) => {
                    let text = self.expanded(inner, name);
                    if text.contains(' ') && !text.ends_with(')') { format!("({text})") } else { text }
                }
                _ => word.to_owned(),
            }
        })
    }
}

fn sentence_case(words: &str) -> String {
    let mut letters = words.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

/// The label of an input, with the attributes that its selector fixes.
fn label(input: &InputSpec) -> String {
    if input.fixed.is_empty() {
        return input.signal.label.clone();
    }
    let fixed: Vec<String> =
        input.fixed.iter().map(|(_, value)| crate::texts::span_words(value).replace('_', " ")).collect();
    format!("{} ({})", input.signal.label, fixed.join(", "))
}

/// `node` as it could have been written.
pub(super) fn printed(node: &Node) -> String {
    print(node, &str::to_owned)
}

fn print(node: &Node, name: &dyn Fn(&str) -> String) -> String {
    let both = |left: &Node, sign: &str, right: &Node| format!("{} {sign} {}", print(left, name), print(right, name));
    match &node.form {
        Form::Number(value, Some(unit)) if unit.is_time() => format!("{value}{unit}"),
        Form::Number(value, Some(unit)) => format!("{value} {unit}"),
        Form::Number(value, None) => value.to_string(),
        Form::Text(text) => format!("{text:?}"),
        Form::Flag(flag) => flag.to_string(),
        Form::Name(word) => name(word),
        Form::Call(function, arguments) => {
            let arguments: Vec<String> = arguments.iter().map(|argument| print(argument, name)).collect();
            format!("{function}({})", arguments.join(", "))
        }
        Form::Negative(inner) => format!("-{}", print(inner, name)),
        Form::Arithmetic(how, left, right) => {
            let side = |side: &Node| match &side.form {
                Form::Arithmetic(inner, ..) if inner.binds_looser(*how) => format!("({})", print(side, name)),
                _ => print(side, name),
            };
            format!("{} {} {}", side(left), how.sign(), side(right))
        }
        Form::Compare(how, left, right) => both(left, crate::texts::sign(*how), right),
        Form::Not(inner) => format!("not {}", print(inner, name)),
        Form::And(left, right) => both(left, "and", right),
        Form::Or(left, right) => both(left, "or", right),
        Form::OnOf(inner, held, of) => format!("({}) on {held} of {of}", print(inner, name)),
    }
}
