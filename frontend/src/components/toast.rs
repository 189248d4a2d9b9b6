//! Short messages in the corner. They leave by themselves, except failures, and wait while they are read.

use std::rc::Rc;

use gloo_timers::callback::Timeout;
use yew::prelude::*;

use super::button::{Button, Variant};
use super::states::NoticeKind;
use super::{Icon, RouteLink, icon};
use crate::route::Route;

const STAY_MS: u32 = 8_000;

pub type ToastKind = NoticeKind;

/// A message.
#[derive(Clone, Debug, PartialEq)]
pub struct Toast {
    pub kind: ToastKind,
    pub title: String,
    pub text: String,
    /// Where to go from here.
    pub link: Option<(String, Route)>,
}

impl Toast {
    pub fn new(kind: ToastKind, title: impl Into<String>) -> Self {
        Self {
            kind,
            title: title.into(),
            text: String::new(),
            link: None,
        }
    }

    pub fn text(mut self, text: impl Into<String>) -> Self {
        self.text = text.into();
        self
    }

    pub fn link(mut self, words: impl Into<String>, to: Route) -> Self {
        self.link = Some((words.into(), to));
        self
    }
}

enum Action {
    Add(Toast),
    Remove(u32),
}

#[derive(Default, PartialEq)]
struct Toasts {
    next: u32,
    shown: Vec<(u32, Toast)>,
}

impl Reducible for Toasts {
    type Action = Action;

    fn reduce(self: Rc<Self>, action: Action) -> Rc<Self> {
        let mut shown = self.shown.clone();
        let mut next = self.next;
        match action {
            Action::Add(toast) => {
                // The same message twice in a row is one message.
                shown.retain(|(_, other)| *other != toast);
                shown.push((next, toast));
                next += 1;
                if shown.len() > 5 {
                    shown.remove(0);
                }
            }
            Action::Remove(id) => shown.retain(|(other, _)| *other != id),
        }
        Rc::new(Self { next, shown })
    }
}

/// Shows toasts; handed down by [`ToastProvider`].
#[derive(Clone, PartialEq)]
pub struct Toaster {
    show: Callback<Toast>,
}

impl Toaster {
    pub fn show(&self, toast: Toast) {
        self.show.emit(toast);
    }
}

/// The way to say something from anywhere.
#[hook]
pub fn use_toaster() -> Toaster {
    use_context::<Toaster>().unwrap_or(Toaster {
        show: Callback::noop(),
    })
}

/// Holds the messages; stands inside the router because they may carry links.
#[component]
pub fn ToastProvider(props: &yew::html::ChildrenProps) -> Html {
    let toasts = use_reducer_eq(Toasts::default);
    let show = use_callback((), {
        let dispatcher = toasts.dispatcher();
        move |toast: Toast, ()| dispatcher.dispatch(Action::Add(toast))
    });
    let remove = use_callback((), {
        let dispatcher = toasts.dispatcher();
        move |id: u32, ()| dispatcher.dispatch(Action::Remove(id))
    });
    html! {
        <ContextProvider<Toaster> context={Toaster { show }}>
            { props.children.clone() }
            <ul class="pf-v6-c-alert-group pf-m-toast ab-toasts" role="log" aria-live="polite" aria-label="Messages">
                for (id, toast) in toasts.shown.iter() {
                    <li key={*id} class="pf-v6-c-alert-group__item"><One toast={toast.clone()} onclose={remove.reform({ let id = *id; move |()| id })} /></li>
                }
            </ul>
        </ContextProvider<Toaster>>
    }
}

#[derive(PartialEq, Properties)]
struct OneProps {
    toast: Toast,
    onclose: Callback<()>,
}

#[component]
fn One(props: &OneProps) -> Html {
    let held = use_state_eq(|| false);
    let stays = *held || props.toast.kind == NoticeKind::Danger;
    {
        let onclose = props.onclose.clone();
        use_effect_with(stays, move |stays| {
            let timeout = (!stays).then(|| Timeout::new(STAY_MS, move || onclose.emit(())));
            move || drop(timeout)
        });
    }
    let hold = |value: bool| {
        let held = held.setter();
        move || held.set(value)
    };
    let (over, out, focus, blur) = (hold(true), hold(false), hold(true), hold(false));
    let toast = &props.toast;
    html! {
        <div
            class={classes!("pf-v6-c-alert", toast.kind.class())}
            data-testid="toast"
            onmouseenter={Callback::from(move |_| over())}
            onmouseleave={Callback::from(move |_| out())}
            onfocusin={Callback::from(move |_| focus())}
            onfocusout={Callback::from(move |_| blur())}
        >
            <div class="pf-v6-c-alert__icon">{ icon(toast.kind.icon()) }</div>
            <p class="pf-v6-c-alert__title">{ &toast.title }</p>
            <div class="pf-v6-c-alert__action">
                <Button variant={Variant::Plain} icon={Icon::Close} title="Close message" onclick={props.onclose.reform(|_| ())} />
            </div>
            if !toast.text.is_empty() { <div class="pf-v6-c-alert__description"><p>{ &toast.text }</p></div> }
            if let Some((words, to)) = &toast.link {
                <div class="pf-v6-c-alert__action-group"><RouteLink to={*to} onclick={props.onclose.clone()}>{ words }</RouteLink></div>
            }
        </div>
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_do_not_pile_up() {
        let mut toasts = Rc::new(Toasts::default());
        for index in 0..8 {
            toasts = toasts.reduce(Action::Add(Toast::new(
                NoticeKind::Info,
                format!("message {index}"),
            )));
        }
        assert_eq!(toasts.shown.len(), 5);
        let again = toasts
            .clone()
            .reduce(Action::Add(Toast::new(NoticeKind::Info, "message 7")));
        assert_eq!(again.shown.len(), 5);
        let id = again.shown[0].0;
        assert!(
            again
                .reduce(Action::Remove(id))
                .shown
                .iter()
                .all(|(other, _)| *other != id)
        );
    }
}
