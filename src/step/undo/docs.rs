//! Taking back a page.

use super::{Became, Told, Undoing, forge};
use crate::plugin::docs::Page;
use crate::step::StepError;
use crate::step::action::docs;

/// Takes back what `create_page` made: the page on a service, or the commit that the file went out with.
pub(super) async fn undo(undoing: &Undoing<'_>, told: &mut Told) {
    let is_file = matches!(undoing.past.made(0), Some(Page::File { .. }));
    if undoing.past.meant(0) && !is_file {
        told.add("the page", page(undoing).await);
    }
    forge::branches(undoing, told).await;
}

async fn page(undoing: &Undoing<'_>) -> Result<Became, StepError> {
    let act = &undoing.act;
    let docs = &act.parts.docs(act.context)?;
    let (page, effect) = (docs::page(act)?, undoing.effect(0));
    let look = async { Ok(docs.find_page(&page, &effect).await?.into()) };
    undoing.take_back(0, look, |found, _| async move { Ok(docs.delete_page(&found).await?) }).await
}
