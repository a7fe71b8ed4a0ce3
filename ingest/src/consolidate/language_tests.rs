//! Rules in other languages: a rule and its negation are never one, the same rule told again is. Must
//! not judge turns; the classifier's tests do.

use super::relate::{Relation, relation};

/// A rule, the same told a little differently, its negation in several wordings.
const RULES: &[(&str, &str, &[&str])] = &[
    (
        "Immer npm für die Abhängigkeiten benutzen",
        "Für die Abhängigkeiten bitte immer npm benutzen",
        &[
            "Nie npm für die Abhängigkeiten benutzen",
            "Für die Abhängigkeiten kein npm benutzen",
            "Bitte npm nicht für die Abhängigkeiten benutzen",
        ],
    ),
    (
        "Utilise toujours npm pour les dépendances",
        "Pour les dépendances utilise toujours npm stp",
        &[
            "N'utilise jamais npm pour les dépendances",
            "N'utilise pas npm pour les dépendances",
            "On n'utilise pas npm pour les dépendances",
            "Il ne faut jamais utiliser npm pour les dépendances",
        ],
    ),
    (
        "Usa siempre npm para las dependencias",
        "Para las dependencias usa siempre npm",
        &[
            "Nunca uses npm para las dependencias",
            "No uses npm para las dependencias",
            "No uses nunca npm para las dependencias",
        ],
    ),
    (
        "Use sempre npm para as dependências",
        "Para as dependências use sempre npm",
        &[
            "Nunca use npm para as dependências",
            "Não use npm para as dependências",
            "Não use nunca npm para as dependências",
        ],
    ),
    (
        "Usa sempre npm per le dipendenze",
        "Per le dipendenze usa sempre npm",
        &[
            "Mai usare npm per le dipendenze",
            "Non usare npm per le dipendenze",
            "Non usare mai npm per le dipendenze",
        ],
    ),
    (
        "Всегда используй npm для зависимостей",
        "Для зависимостей всегда используй npm",
        &[
            "Никогда не используй npm для зависимостей",
            "Не используй npm для зависимостей",
            "Для зависимостей npm использовать нельзя",
        ],
    ),
    (
        "总是使用npm安装依赖",
        "安装依赖总是使用npm",
        &[
            "不要使用npm安装依赖",
            "绝不使用npm安装依赖",
            "别用npm安装依赖",
            "安装依赖禁止使用npm",
            "不使用npm安装依赖",
        ],
    ),
    (
        "依存関係には必ずnpmを使うこと",
        "必ず依存関係にはnpmを使うこと",
        &[
            "依存関係にはnpmを使わないこと",
            "依存関係には絶対にnpmを使わないで",
            "依存関係にはnpm使用禁止",
            "依存関係にはnpmを使うべきではない",
        ],
    ),
    (
        "의존성은 항상 npm 사용해",
        "항상 의존성은 npm 사용해",
        &[
            "의존성은 npm 사용하지 마",
            "의존성은 절대 npm 쓰지 마",
            "의존성은 npm 쓰면 안 돼",
            "의존성은 npm 사용 금지",
        ],
    ),
];

#[test]
fn a_rule_and_its_negation_are_never_one() {
    for (rule, _, negations) in RULES {
        for negation in *negations {
            for model in [0.0_f32, 0.999] {
                let alike = move |_: &str, _: &str| model;
                for (a, b) in [(rule, negation), (negation, rule)] {
                    let found = relation(a, b, Some(&alike));
                    assert!(!matches!(found, Relation::Same(_)), "{a} / {b}: {found:?}");
                }
            }
        }
    }
}

#[test]
fn a_short_rule_and_its_negation_are_never_one() {
    for (a, b) in [
        ("Immer npm benutzen", "Nie npm benutzen"),
        ("npm benutzen", "npm nicht benutzen"),
        ("Toujours npm", "Jamais npm"),
        ("Utilise npm", "N'utilise pas npm"),
        ("Siempre npm", "Nunca npm"),
        ("Usa npm", "No uses npm"),
        ("Sempre npm", "Nunca npm"),
        ("Use npm sempre", "Não use npm"),
        ("Sempre npm", "Mai npm"),
        ("Usare npm", "Non usare npm"),
        ("Используй npm", "Не используй npm"),
        ("总是使用npm", "不要使用npm"),
        ("使用npm", "不使用npm"),
        ("用npm", "别用npm"),
        ("npmを使って", "npmを使わないで"),
        ("npmを使う", "npmは使わない"),
        ("npm 사용해", "npm 사용하지 마"),
        ("npm 써", "npm 쓰지 마"),
        ("不是npm，是pnpm", "不是pnpm，是npm"),
        ("npmじゃなくてpnpm", "pnpmじゃなくてnpm"),
        ("npm 말고 pnpm", "pnpm 말고 npm"),
        ("pnpm statt npm benutzen", "npm statt pnpm benutzen"),
    ] {
        for (a, b) in [(a, b), (b, a)] {
            let found = relation(a, b, None);
            assert!(!matches!(found, Relation::Same(_)), "{a} / {b}: {found:?}");
        }
    }
}

#[test]
fn a_rule_told_again_is_the_same() {
    for (rule, again, _) in RULES {
        let found = relation(rule, again, None);
        assert!(matches!(found, Relation::Same(_)), "{rule} / {again}: {found:?}");
    }
}
