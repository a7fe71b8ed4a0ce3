//! Lessons in other languages: what was said in one is found again in the same one. Must not test how
//! turns are judged; the classifier's tests do.

use cemem_tests::TestEnv;

/// A rule, and a task in the same language.
const SAID: &[(&str, &str)] = &[
    ("Für die Abhängigkeiten immer pnpm nehmen, nie npm.", "Abhängigkeiten mit npm installieren"),
    ("Les montants sont toujours en centimes.", "calculer les montants des factures"),
    ("Никогда не запускай миграции на базе staging.", "запусти миграции на staging"),
    ("数据库迁移之前必须先备份。", "我要跑一下数据库迁移"),
    ("エラーメッセージは必ず日本語で書くこと。", "ログイン画面のエラーメッセージを直す"),
    ("결제 금액은 항상 센트 단위로 저장한다.", "결제 금액 계산을 고쳐줘"),
];

#[test]
fn what_was_said_in_a_language_is_found_in_it() {
    let env = TestEnv::without_runtime();
    for (rule, _) in SAID {
        env.cemem(["remember", rule]).success();
    }
    for (rule, task) in SAID {
        let answer = env.cemem(["recall", "--json", task]).success().json();
        let first = answer["results"][0]["rule"].as_str().unwrap_or_default();
        assert_eq!(first, *rule, "{task}: {answer}");
    }
}
