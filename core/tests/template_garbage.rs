//! Whatever the bytes, reading a template ends, with a configuration or with errors that have places.

mod template_support;

use proptest::prelude::*;
use sluicegate::config::template::{Inputs, Source, read};
use template_support::*;

const EXAMPLES: [&str; 4] = [
    include_str!("../../examples/host-routing.yaml"),
    include_str!("../../examples/stack-vpc-ec2.yaml"),
    include_str!("../../examples/stack-ecs-service.yaml"),
    include_str!("../../examples/stack-classic.json"),
];

/// Reads it; an error must stand on a line that there is.
fn check(text: &str) {
    let inputs = Inputs {
        parameters: pairs(&[
            ("ImageId", "a"),
            ("NetworkStack", "n"),
            ("Image", "i"),
            ("VpcId", "v"),
            ("Subnets", "s,t"),
        ]),
        resolve: pairs(&[("s.AvailabilityZone", "z")]),
        instances: vec!["FirstMachine=127.0.0.1".parse().expect("an instance")],
        ..Inputs::default()
    };
    for inputs in [inputs, Inputs::default()] {
        if let Err(errors) = read(Source { name: "t", text }, &inputs) {
            assert!(!errors.is_empty());
            assert!(errors.is_sorted_by_key(|error| error.position));
            let lines = text.split(['\n', '\r']).count() as u32 + 1;
            assert!(
                errors.iter().all(|error| error.position.line >= 1
                    && error.position.line <= lines
                    && error.position.column >= 1)
            );
        }
    }
}

/// Words that templates are made of.
fn word() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec![
        "Resources:",
        "Parameters:",
        "Conditions:",
        "  A:\n",
        "    Type: ",
        "AWS::ElasticLoadBalancingV2::Listener",
        "\n",
        "\n  ",
        "\n    ",
        "    Properties:",
        "Port: ",
        "80",
        "-1",
        "!Ref ",
        "!Sub ",
        "'${A}'",
        "${",
        "}",
        "[",
        "]",
        "{",
        ", ",
        ": ",
        "- ",
        "!If ",
        "!GetAtt ",
        "A.B",
        "Fn::Join",
        "*",
        "&a ",
        "*a",
        "|\n",
        ">\n",
        "\"",
        "'",
        "#",
        "\t",
        "\u{feff}",
        "---\n",
        "...\n",
        "%YAML 1.1\n",
        "!!str ",
        "!",
        "? ",
        "<<: ",
        "A",
        "\u{85}",
        "\u{2028}",
        "\r",
        "\0",
    ])
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn arbitrary_text_never_panics(text in any::<String>()) {
        check(&text);
    }

    #[test]
    fn words_of_templates_in_any_order_never_panic(words in prop::collection::vec(word(), 0..60)) {
        check(&words.concat());
    }

    #[test]
    fn mutated_examples_never_panic(
        which in 0..EXAMPLES.len(),
        edits in prop::collection::vec((any::<prop::sample::Index>(), word(), any::<bool>()), 1..6),
    ) {
        let mut chars: Vec<char> = EXAMPLES[which].chars().collect();
        for (place, word, replace) in edits {
            let at = place.index(chars.len());
            let end = if replace { (at + word.len()).min(chars.len()) } else { at };
            chars.splice(at..end, word.chars());
        }
        check(&chars.into_iter().collect::<String>());
    }

    #[test]
    fn cut_examples_never_panic(which in 0..EXAMPLES.len(), place in any::<prop::sample::Index>()) {
        let chars: Vec<char> = EXAMPLES[which].chars().collect();
        check(&chars[..place.index(chars.len())].iter().collect::<String>());
    }
}

#[test]
fn a_mebibyte_of_anything_is_read_in_good_time() {
    const SIZE: usize = 1024 * 1024;
    for unit in ["[", "- ", "a: b\n", "'"] {
        check(&unit.repeat(SIZE / unit.len()));
    }
    for unit in [
        "[", "{", "- ", "a: ", "[a,", "? ", "a\n", "\"a\n", "!a ", "&a ", "\t", "# x\n", "a: b\n", "---\n", "{\"a\":",
        "[[],", "a:\n", "'", "|\n", "\u{feff}", "!Ref ", "\0",
    ] {
        for start in ["", "Resources: ", "Resources:\n  A: ", "{\"Resources\":"] {
            let count = (SIZE / 16 - start.len()) / unit.len();
            check(&format!("{start}{}", unit.repeat(count)));
        }
    }
}

#[test]
fn a_mebibyte_of_resources_that_refer_to_each_other_is_read_in_good_time() {
    let mut text = String::from("Resources:\n");
    let mut number = 0;
    while text.len() < 1024 * 1024 - 200 {
        text += &format!(
            "  A{number}: {{ Type: AWS::ElasticLoadBalancingV2::TargetGroup, Properties: {{ Tags: [{{ Key: a, Value: !Ref A{} }}] }} }}\n",
            number + 1
        );
        number += 1;
    }
    check(&text);
}

#[test]
fn a_parameter_of_very_many_values_is_read_in_good_time_and_its_message_stays_short() {
    let parameter = |items: usize, rest: &str| {
        let default = "a,".repeat(items);
        format!("Parameters:\n  P: {{ Type: CommaDelimitedList, Default: '{default}', {rest} }}\nResources: {{}}\n")
    };
    let listed = parameter(100_000, &format!("AllowedValues: [{}]", "b,".repeat(100_000)));
    let found = errors(&listed);
    assert!(found.iter().all(|line| line.len() < 500), "{} bytes", found[0].len());
    assert!(found[0].contains("must be one of b, b, b, ") && found[0].contains(", …; it is `"), "{}", found[0]);
    load(&parameter(400_000, "AllowedPattern: '(a?){200}(b?){200}.*'"));
}
