//! A private RabbitMQ with its own Erlang port mapper.
//!
//! Guarantee: every [`RabbitMq::virtual_host`] is new and empty; the broker can be killed and
//! started again with its queues. Limit: starting takes some ten seconds, so stories share one,
//! unless they kill it.

use crate::Started;
use crate::process::{Process, answers, free_port, new_folder, run, write};
use std::path::PathBuf;
use std::process::Command;
use tokio::sync::Mutex;

const PROGRAMS: &str = "/usr/lib/rabbitmq/bin";
/// Virtual hosts made at a time.
const BATCH: u32 = 16;

/// A running RabbitMQ.
pub struct RabbitMq {
    folder: PathBuf,
    port: u16,
    mapper_port: u16,
    distribution_port: u16,
    _mapper: Process,
    broker: Mutex<Option<Process>>,
    stock: Mutex<Stock>,
}

/// Virtual hosts made, and given to stories; they are numbered from 1.
#[derive(Default)]
struct Stock {
    made: u32,
    given: u32,
}

impl RabbitMq {
    /// Starts one.
    pub async fn start() -> Started<Self> {
        let folder = new_folder("rabbitmq")?;
        let (port, mapper_port, distribution_port) = (free_port(), free_port(), free_port());
        write(
            &folder.join("rabbitmq.conf"),
            &format!(
                "listeners.tcp.1 = 127.0.0.1:{port}\n\
                 loopback_users = none\n\
                 vm_memory_high_watermark.relative = 0.3\n\
                 disk_free_limit.absolute = 10MB\n"
            ),
        )?;
        write(&folder.join("enabled_plugins"), "[].\n")?;
        write(
            &folder.join("advanced.config"),
            "[{kernel, [{inet_dist_use_interface, {127,0,0,1}}]}].\n",
        )?;
        let mut mapper = Command::new("epmd");
        mapper.args(["-address", "127.0.0.1", "-port", &mapper_port.to_string()]);
        let mut mapper = Process::start("epmd", &folder, mapper.current_dir(&folder))?;
        mapper.until(async || answers(mapper_port)).await?;
        let server = Self {
            folder,
            port,
            mapper_port,
            distribution_port,
            _mapper: mapper,
            broker: Mutex::new(None),
            stock: Mutex::default(),
        };
        server.up().await?;
        Ok(server)
    }

    /// The URL of a new, empty virtual host.
    pub async fn virtual_host(&self) -> String {
        let mut stock = self.stock.lock().await;
        if stock.given == stock.made {
            self.make_virtual_hosts(stock.made + 1, stock.made + BATCH);
            stock.made += BATCH;
        }
        stock.given += 1;
        format!("amqp://guest:guest@127.0.0.1:{}/story-{}", self.port, stock.given)
    }

    /// Each call of rabbitmqctl starts an Erlang of its own, which takes seconds; so many at once.
    fn make_virtual_hosts(&self, first: u32, last: u32) {
        let order = format!(
            r#"lists:foreach(fun(N) ->
                 Name = iolist_to_binary(["story-", integer_to_list(N)]),
                 ok = rabbit_vhost:add(Name, <<"messo">>),
                 rabbit_auth_backend_internal:set_permissions(
                   <<"guest">>, Name, <<".*">>, <<".*">>, <<".*">>, <<"messo">>)
               end, lists:seq({first}, {last}))."#
        );
        run(self.command("rabbitmqctl").args(["-q", "eval", &order]))
            .unwrap_or_else(|reason| panic!("{reason}"));
    }

    /// Kills the broker with SIGKILL.
    pub async fn kill(&self) {
        // Taking it out drops it, and dropping kills.
        self.broker.lock().await.take();
    }

    /// Starts the broker again, with the queues it had. Ends when it answers.
    pub async fn restart(&self) {
        self.up().await.unwrap_or_else(|reason| panic!("{reason}"));
    }

    async fn up(&self) -> Started<()> {
        let mut command = self.command("rabbitmq-server");
        let mut broker = Process::start("rabbitmq", &self.folder, &mut command)?;
        broker.until(async || answers(self.port)).await?;
        *self.broker.lock().await = Some(broker);
        Ok(())
    }

    /// A program of RabbitMQ that sees this instance alone. Not those of `/usr/sbin`: they change
    /// the user.
    fn command(&self, program: &str) -> Command {
        let mut command = Command::new(format!("{PROGRAMS}/{program}"));
        let file = |name: &str| self.folder.join(name);
        command
            .current_dir(&self.folder)
            .env("HOME", &self.folder)
            .env("RABBITMQ_NODENAME", format!("messo{}@localhost", self.port))
            .env("RABBITMQ_MNESIA_BASE", file("data"))
            .env("RABBITMQ_LOG_BASE", file("log"))
            .env("RABBITMQ_LOGS", "-")
            .env("RABBITMQ_CONFIG_FILE", file("rabbitmq.conf"))
            .env("RABBITMQ_ADVANCED_CONFIG_FILE", file("advanced.config"))
            .env("RABBITMQ_CONF_ENV_FILE", file("rabbitmq-env.conf"))
            .env("RABBITMQ_ENABLED_PLUGINS_FILE", file("enabled_plugins"))
            .env("RABBITMQ_DIST_PORT", self.distribution_port.to_string())
            .env("ERL_EPMD_PORT", self.mapper_port.to_string())
            .env("ERL_EPMD_ADDRESS", "127.0.0.1")
            // Makes the script become the server, instead of waiting for it in a second shell.
            .env("RUNNING_UNDER_SYSTEMD", "true");
        command
    }
}
