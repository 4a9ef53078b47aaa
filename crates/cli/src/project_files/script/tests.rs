use super::*;
use crate::environment::{Environment, Variables};
use crate::project_files::{Address, DotEnv};

/// What `url` of the first object with one says, where X is set to `x`.
fn url(text: &str) -> Option<String> {
    let value = object(text, &["url"])?.text("url")?;
    let (environment, dotenv) = (Environment::default(), DotEnv::parse(".env", "X=x"));
    let variables = Variables::of(&environment, Some(&dotenv));
    let resolved = Address::url(value).resolve(None, &variables).expect("readable");
    Some(resolved.map_or_else(|name| format!("unset {name}"), |resolved| resolved.url))
}

#[test]
fn what_is_literal_is_read() {
    for (text, expected) in [
        ("export default { url: 'a' }", "a"),
        ("module.exports = { /* url: 'b' */ url: \"a\", // url: 'c'\n }", "a"),
        ("export default defineConfig({ url: process.env.X! })", "x"),
        ("export default { url: process.env['X'] as string, other: 1 }", "x"),
        ("export default { url: process.env.Y ?? 'a' }", "a"),
        ("export default { url: process.env.X || 'a' }", "x"),
        ("export default { url: process.env.X\n ?? 'a' }", "x"),
        ("export default { url: process.env.Y ?? '' }", "unset Y"),
        ("export default { url: env('X') }", "x"),
        ("export default { url: Deno.env.get('X') }", "x"),
        ("const u: string = process.env.X!;\nexport default { url: u }", "x"),
        ("const url = 'a'\nexport default { url }", "a"),
        (
            "const config: Config = {\n  url: `p://${process.env.X}:${process.env.X!}/é${process.env.Y}` }",
            "unset Y",
        ),
        ("const config = { url: `p://${process.env.X}@h/é` };\nexport default config", "p://x@h/é"),
        ("{ \"url\": \"a\\\"b\" }", "a\"b"),
        ("export default { x: { y: [1, 'url', fn(a, {b: 1})] }, f() { return 1 }, url: 'a' }", "a"),
        ("export default { url: 'a', ...rest }", "a"),
    ] {
        assert_eq!(url(text).as_deref(), Some(expected), "{text}");
    }
}

#[test]
fn what_is_computed_is_not_guessed() {
    for text in [
        "export default { url: build() }",
        "export default { url: 'a' + 'b' }",
        "export default { url: process.env.CI ? 'a' : 'b' }",
        "export default { url: process.env.X ?? other() }",
        "export default { url: `a${name}` }",
        "export default { url: env.X }",
        "export default { url: 'a\nb' }",
        "let u = 'a'; export default { url: u }",
        "const u = 'a'; function f() { const u = 'b' } export default { url: u }",
        "export default { url: process.env[name] }",
        "export default { url: 'a",
        "// url: 'a'",
        "type T = string",
    ] {
        assert_eq!(url(text), None, "{text}");
    }
}

#[test]
fn depth_and_length_do_not_hurt() {
    assert_eq!(url(&format!("export default {{ a: {}, url: 'a' }}", "[".repeat(100_000))), None);
    assert_eq!(url(&format!("x = {}", "{url:".repeat(20_000))), None);
    assert_eq!(url(&format!("export default {{ url: '{}", "a".repeat(1_000_000))), None);
    assert_eq!(url(&"{(const a = ".repeat(50_000)), None);
    let long = format!("export default {{ a: `{}`, url: 'a' }}", "${process.env.X}".repeat(2_000));
    assert_eq!(url(&long).as_deref(), Some("a"));
}
