//! The same call from a terminal.

use yew::prelude::*;

use crate::components::copy::CopyButton;

#[derive(PartialEq, Properties)]
pub struct CurlProps {
    pub run: i64,
    pub text: String,
    pub threshold: Option<f32>,
}

/// A command for a POSIX shell.
pub fn command(origin: &str, run: i64, text: &str, threshold: Option<f32>) -> String {
    let mut body = serde_json::json!({"documents": [{"id": "text", "text": text}]});
    if let Some(threshold) = threshold {
        body["threshold"] = (f64::from((threshold * 100.0).round()) / 100.0).into();
    }
    let quoted = body.to_string().replace('\'', "'\\''");
    format!(
        "curl '{origin}/api/v1/runs/{run}/predict' \\\n  -H \"Authorization: Bearer $ARBORIST_KEY\" \\\n  -H 'Content-Type: application/json' \\\n  -d '{quoted}'"
    )
}

#[component]
pub fn Curl(props: &CurlProps) -> Html {
    let origin = web_sys::window()
        .and_then(|window| window.location().origin().ok())
        .unwrap_or_default();
    let command = command(&origin, props.run, &props.text, props.threshold);
    html! {
        <details class="ab-fold ab-curl"><summary data-testid="curl">{ "The same from a program" }</summary>
            <pre class="ab-log" tabindex="0" data-testid="curl-command">{ &command }</pre>
            <p class="ab-form__actions"><CopyButton text={command} testid="curl-copy" /><span class="ab-muted">{ "Keys are made in the settings." }</span></p>
        </details>
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotes_in_the_text_do_not_break_the_command() {
        let command = command("http://localhost:8080", 3, "it's \"new\"\nline", Some(0.35));
        assert!(command.starts_with("curl 'http://localhost:8080/api/v1/runs/3/predict'"));
        assert!(command.contains(r#"it'\''s \"new\"\nline"#));
        assert!(command.contains(r#""threshold":0.35}"#));
    }
}
