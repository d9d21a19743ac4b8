use crate::document::Comparison;

use super::lexer::{Fault, Lexeme, Token, WORDS, lex};
use super::syntax::{Arithmetic, Form, Node};

/// Conditions deeper than this are refused; no person writes them.
const DEPTH_MAX: usize = 64;

/// Reads a whole condition or expression.
pub(super) fn parse(text: &str) -> Result<Node, Fault> {
    let mut parser = Parser { lexemes: lex(text)?, next: 0, depth: 0 };
    let node = parser.condition()?;
    match &parser.peek().token {
        Token::End => Ok(node),
        token => Err(Fault::new(parser.peek().offset, format!("the condition goes on with {}", words(token)))),
    }
}

struct Parser {
    lexemes: Vec<Lexeme>,
    next: usize,
    depth: usize,
}

impl Parser {
    fn peek(&self) -> &Lexeme {
        &self.lexemes[self.next.min(self.lexemes.len() - 1)]
    }

    fn take(&mut self) -> Lexeme {
        let lexeme = self.peek().clone();
        self.next += 1;
        lexeme
    }

    fn take_sign(&mut self, sign: &str) -> bool {
        let found = matches!(self.peek().token, Token::Sign(next) if next == sign);
        self.next += usize::from(found);
        found
    }

    fn take_word(&mut self, word: &str) -> bool {
        let found = matches!(&self.peek().token, Token::Name(next) if next == word);
        self.next += usize::from(found);
        found
    }

    fn expect(&mut self, sign: &str) -> Result<(), Fault> {
        if self.take_sign(sign) {
            return Ok(());
        }
        let found = self.peek();
        Err(Fault::new(found.offset, format!("{sign:?} is missing before {}", words(&found.token))))
    }

    fn node(&self, offset: usize, form: Form) -> Node {
        Node { form, offset, end: self.lexemes[self.next.saturating_sub(1)].end }
    }

    fn condition(&mut self) -> Result<Node, Fault> {
        self.depth += 1;
        if self.depth > DEPTH_MAX {
            return Err(Fault::new(self.peek().offset, "this is nested too deeply"));
        }
        let mut left = self.and()?;
        while self.take_word("or") {
            let right = self.and()?;
            left = self.node(left.offset, Form::Or(Box::new(left.clone()), Box::new(right)));
        }
        self.depth -= 1;
        Ok(left)
    }

    fn and(&mut self) -> Result<Node, Fault> {
        let mut left = self.not()?;
        while self.take_word("and") {
            let right = self.not()?;
            left = self.node(left.offset, Form::And(Box::new(left.clone()), Box::new(right)));
        }
        Ok(left)
    }

    fn not(&mut self) -> Result<Node, Fault> {
        let offset = self.peek().offset;
        let mut negations = 0;
        while self.take_word("not") {
            negations += 1;
        }
        let mut node = self.times()?;
        for _ in 0..negations % 2 {
            node = self.node(offset, Form::Not(Box::new(node)));
        }
        Ok(node)
    }

    fn times(&mut self) -> Result<Node, Fault> {
        let left = self.compare()?;
        if !self.take_word("on") {
            return Ok(left);
        }
        let (held, offset) = self.whole_number()?;
        if !self.take_word("of") {
            return Err(Fault::new(self.peek().offset, "\"of\" is missing: on 3 of 4"));
        }
        let (of, _) = self.whole_number()?;
        if held == 0 || held > of || of > 240 {
            return Err(Fault::new(offset, format!("{held} of {of} cannot be: 1 <= k <= m <= 240")));
        }
        Ok(self.node(left.offset, Form::OnOf(Box::new(left), held, of)))
    }

    fn whole_number(&mut self) -> Result<(usize, usize), Fault> {
        let lexeme = self.take();
        match lexeme.token {
            Token::Number(value, None) if value.fract() == 0.0 => Ok((value as usize, lexeme.offset)),
            _ => Err(Fault::new(lexeme.offset, "a whole number is wanted here: on 3 of 4")),
        }
    }

    fn compare(&mut self) -> Result<Node, Fault> {
        let left = self.sum()?;
        let Token::Sign(sign) = self.peek().token else { return Ok(left) };
        let Some(comparison) = comparison(sign) else { return Ok(left) };
        self.next += 1;
        let right = self.sum()?;
        if let Token::Sign(sign) = self.peek().token
            && self::comparison(sign).is_some()
        {
            return Err(Fault::new(self.peek().offset, "comparisons are not chained; join two with \"and\""));
        }
        Ok(self.node(left.offset, Form::Compare(comparison, Box::new(left), Box::new(right))))
    }

    fn sum(&mut self) -> Result<Node, Fault> {
        let mut left = self.product()?;
        loop {
            let how = if self.take_sign("+") {
                Arithmetic::Add
            } else if self.take_sign("-") {
                Arithmetic::Subtract
            } else {
                return Ok(left);
            };
            let right = self.product()?;
            left = self.node(left.offset, Form::Arithmetic(how, Box::new(left.clone()), Box::new(right)));
        }
    }

    fn product(&mut self) -> Result<Node, Fault> {
        let mut left = self.unary()?;
        loop {
            let how = if self.take_sign("*") {
                Arithmetic::Multiply
            } else if self.take_sign("/") {
                Arithmetic::Divide
            } else {
                return Ok(left);
            };
            let right = self.unary()?;
            left = self.node(left.offset, Form::Arithmetic(how, Box::new(left.clone()), Box::new(right)));
        }
    }

    fn unary(&mut self) -> Result<Node, Fault> {
        let offset = self.peek().offset;
        if self.take_sign("-") {
            let inner = self.primary()?;
            return Ok(self.node(offset, Form::Negative(Box::new(inner))));
        }
        self.primary()
    }

    fn primary(&mut self) -> Result<Node, Fault> {
        let Lexeme { token, offset, .. } = self.take();
        let form = match token {
            Token::Number(value, unit) => Form::Number(value, unit),
            Token::Text(text) => Form::Text(text),
            Token::Name(word) if word == "true" || word == "false" => Form::Flag(word == "true"),
            Token::Name(word) if WORDS.contains(&word.as_str()) => {
                return Err(Fault::new(offset, format!("a value is missing before {word:?}")));
            }
            Token::Name(name) if self.take_sign("(") => Form::Call(name, self.arguments()?),
            Token::Name(name) => Form::Name(name),
            Token::Sign("(") => {
                let inner = self.condition()?;
                self.expect(")")?;
                return Ok(inner);
            }
            token => return Err(Fault::new(offset, format!("a value is missing before {}", words(&token)))),
        };
        Ok(self.node(offset, form))
    }

    fn arguments(&mut self) -> Result<Vec<Node>, Fault> {
        let mut arguments = vec![self.condition()?];
        while self.take_sign(",") {
            arguments.push(self.condition()?);
        }
        self.expect(")")?;
        Ok(arguments)
    }
}

fn comparison(sign: &str) -> Option<Comparison> {
    Some(match sign {
        "<" => Comparison::Less,
        "<=" => Comparison::AtMost,
        ">" => Comparison::Greater,
        ">=" => Comparison::AtLeast,
        "==" => Comparison::Equal,
        "!=" => Comparison::NotEqual,
        _ => return None,
    })
}

fn words(token: &Token) -> String {
    match token {
        Token::Number(value, _) => format!("{value}"),
        Token::Text(text) => format!("{text:?}"),
        Token::Name(name) => format!("{name:?}"),
        Token::Sign(sign) => format!("{sign:?}"),
        Token::End => "the end".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn reads_the_examples_of_the_header() {
        for text in [
            "min(free, 5m) < 2 GiB or (max(free / size, 5m) < 0.03 and min(free, 5m) < 5GiB)",
            "not up on 2 of 3",
            "(a > 1 and b < 25 ms) on 3 of 4",
            "rate(x, 5m) > 100 Mbit/s # fast",
            "last(layer) == \"dns\"",
            "-abs(x) * 2 >= - 3 %",
        ] {
            assert!(parse(text).is_ok(), "{text}: {:?}", parse(text));
        }
    }

    #[test]
    fn says_where_and_what() {
        for (text, offset, part) in [
            ("a <", 3, "missing"),
            ("a = 3", 2, "=="),
            ("(a > 3", 6, "\")\""),
            ("a > 3 Gib", 6, "GiB"),
            ("1 < a < 3", 6, "chained"),
            ("a > 3 b", 6, "not a unit"),
            ("a on 5 of 4", 5, "5 of 4"),
            ("a and", 5, "missing"),
        ] {
            let fault = parse(text).expect_err(text);
            assert_eq!(fault.offset, offset, "{text}: {}", fault.reason);
            assert!(fault.reason.contains(part), "{text}: {}", fault.reason);
        }
    }

    #[test]
    fn binds_as_arithmetic_is_taught() {
        let Form::Compare(_, left, _) = parse("a + b * c / d - e > 1").expect("fine").form else {
            panic!("not a comparison")
        };
        let Form::Arithmetic(Arithmetic::Subtract, left, _) = left.form else { panic!("not a difference") };
        assert!(matches!(left.form, Form::Arithmetic(Arithmetic::Add, ..)));
    }

    proptest! {
        #[test]
        fn never_panics(text in ".{0,80}") {
            let _ = parse(&text);
        }

        #[test]
        fn never_panics_on_near_misses(text in "[a-c0-9<>=()+*/\" .,%-]{0,60}") {
            let _ = parse(&text);
        }
    }
}
