//! An applied file that changed afterwards. Only a target's ledger can tell, so `migrate`
//! and `status` raise it; here is what it means.

use crate::card::Card;
use crate::judge::{Check, Rule};

pub(crate) const RULE: Rule = Rule { card: &CARD, check: Check::Elsewhere };

const CARD: Card = Card {
    id: "history-edited",
    title: "A migration changed after it was applied",
    why: "this database ran the old text and the next one will run the new: they drift apart, and nobody sees it",
    safe_form: "restore the file as it was applied, and write what is to change as a new migration",
    ..Card::BLANK
};
