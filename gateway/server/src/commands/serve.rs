//! `messo serve`: runs until told to stop.

use crate::cli::{Role, Serve};
use crate::config::Place;
use crate::house::House;
use crate::running::{self, Doors, Running};

/// Runs the roles of this process.
pub async fn run(serve: &Serve, place: &Place) -> anyhow::Result<()> {
    let house = House::open(place).await?;
    let health = running::bind_health(&house).await?;
    let main = if serve.role.iter().any(|role| matches!(role, Role::Web | Role::Intake)) {
        Some(running::bind(house.settings.server.listen).await?)
    } else {
        None
    };
    let running = Running::start(&house, &serve.role, Doors { main, health }, None).await?;
    match running.address {
        Some(address) => eprintln!("Messo is at http://{address} (Ctrl-C stops it)"),
        None => eprintln!("Messo is working (Ctrl-C stops it)"),
    }
    running::told_to_stop().await;
    eprintln!("Stopping: what is under way comes to its end.");
    running.stop().await;
    Ok(())
}
