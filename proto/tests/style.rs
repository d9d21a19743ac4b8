//! The wire's descriptions keep one style, so that any client in any language finds its way.

use std::collections::HashMap;

use prost::Message;
use prost_types::{DescriptorProto, EnumDescriptorProto, FileDescriptorProto, FileDescriptorSet};

/// Places in a descriptor, as `google/protobuf/descriptor.proto` numbers them.
const MESSAGE: i32 = 4;
const ENUM: i32 = 5;
const SERVICE: i32 = 6;
const FIELD_OR_VALUE: i32 = 2;
const NESTED: i32 = 3;

fn files() -> Vec<FileDescriptorProto> {
    let set = FileDescriptorSet::decode(firstline_proto::DESCRIPTORS).expect("made by the build");
    set.file.into_iter().filter(|file| file.name().starts_with("firstline/")).collect()
}

/// Comments by place.
fn comments(file: &FileDescriptorProto) -> HashMap<Vec<i32>, String> {
    let info = file.source_code_info.as_ref().expect("compiled with comments");
    info.location.iter().map(|place| (place.path.clone(), place.leading_comments().trim().to_owned())).collect()
}

/// Visits every message with its place, nested ones too; entries of maps are left out.
fn messages(file: &FileDescriptorProto) -> Vec<(Vec<i32>, DescriptorProto)> {
    let mut all = Vec::new();
    let mut waiting: Vec<(Vec<i32>, DescriptorProto)> =
        file.message_type.iter().enumerate().map(|(n, message)| (vec![MESSAGE, n as i32], message.clone())).collect();
    while let Some((place, message)) = waiting.pop() {
        for (n, nested) in message.nested_type.iter().enumerate() {
            if !nested.options.as_ref().is_some_and(prost_types::MessageOptions::map_entry) {
                waiting.push(([place.clone(), vec![NESTED, n as i32]].concat(), nested.clone()));
            }
        }
        all.push((place, message));
    }
    all
}

fn is_snake(name: &str) -> bool {
    let plain = name.bytes().all(|letter| letter.is_ascii_lowercase() || letter.is_ascii_digit() || letter == b'_');
    plain && !name.starts_with('_') && !name.ends_with('_') && !name.contains("__")
}

fn is_camel(name: &str) -> bool {
    name.starts_with(|letter: char| letter.is_ascii_uppercase())
        && name.bytes().all(|letter| letter.is_ascii_alphanumeric())
}

fn upper_snake(name: &str) -> String {
    let mut out = String::new();
    for letter in name.chars() {
        if letter.is_ascii_uppercase() && !out.is_empty() {
            out.push('_');
        }
        out.push(letter.to_ascii_uppercase());
    }
    out
}

#[test]
fn package_and_folder_agree() {
    let files = files();
    assert_eq!(files.len(), 4, "a new file is named in build.rs and here");
    for file in files {
        assert_eq!(file.package(), "firstline.v1", "{}", file.name());
        assert!(file.name().starts_with("firstline/v1/"), "{}", file.name());
        assert_eq!(file.syntax(), "proto3", "{}", file.name());
    }
}

#[test]
fn names_keep_their_case() {
    for file in files() {
        for (_, message) in messages(&file) {
            assert!(is_camel(message.name()), "message {} is not in CamelCase", message.name());
            for field in &message.field {
                assert!(is_snake(field.name()), "{}.{} is not in snake_case", message.name(), field.name());
            }
            // A leading underscore marks what the compiler makes of `optional`.
            for one_of in message.oneof_decl.iter().filter(|one_of| !one_of.name().starts_with('_')) {
                assert!(is_snake(one_of.name()), "{}.{} is not in snake_case", message.name(), one_of.name());
            }
        }
    }
}

#[test]
fn enums_carry_their_prefix_and_start_unspecified() {
    let all: Vec<EnumDescriptorProto> = files().into_iter().flat_map(|file| file.enum_type).collect();
    assert!(!all.is_empty());
    for one in all {
        let prefix = upper_snake(one.name());
        let first = one.value.first().expect("an enum has values");
        assert_eq!(
            (first.name(), first.number()),
            (format!("{prefix}_UNSPECIFIED").as_str(), 0),
            "enum {}",
            one.name()
        );
        for value in &one.value {
            assert!(value.name().starts_with(&format!("{prefix}_")), "{} lacks the prefix {prefix}_", value.name());
        }
    }
}

#[test]
fn services_end_in_service_and_have_messages_of_their_own() {
    let services: Vec<_> = files().into_iter().flat_map(|file| file.service).collect();
    for service in &services {
        assert!(service.name().ends_with("Service"), "{}", service.name());
        for method in service.method.iter().filter(|method| !method.client_streaming()) {
            assert!(method.input_type().ends_with(&format!(".{}Request", method.name())), "{}", method.name());
            assert!(method.output_type().ends_with(&format!(".{}Response", method.name())), "{}", method.name());
        }
    }
}

#[test]
fn everything_says_what_it_is() {
    let mut silent = Vec::new();
    for file in files() {
        let comments = comments(&file);
        let mut expect = |place: Vec<i32>, name: String| {
            if comments.get(&place).is_none_or(String::is_empty) {
                silent.push(name);
            }
        };
        for (place, message) in messages(&file) {
            expect(place.clone(), message.name().to_owned());
            for (n, field) in message.field.iter().enumerate() {
                let name = format!("{}.{}", message.name(), field.name());
                expect([place.clone(), vec![FIELD_OR_VALUE, n as i32]].concat(), name);
            }
        }
        for (e, one) in file.enum_type.iter().enumerate() {
            expect(vec![ENUM, e as i32], one.name().to_owned());
            for (n, value) in one.value.iter().enumerate() {
                expect(vec![ENUM, e as i32, FIELD_OR_VALUE, n as i32], value.name().to_owned());
            }
        }
        for (s, service) in file.service.iter().enumerate() {
            expect(vec![SERVICE, s as i32], service.name().to_owned());
            for (n, method) in service.method.iter().enumerate() {
                expect(vec![SERVICE, s as i32, FIELD_OR_VALUE, n as i32], method.name().to_owned());
            }
        }
    }
    assert!(silent.is_empty(), "a sentence is missing at: {}", silent.join(", "));
}
