"""The settings of NetSuite and of the person who signs: all of it or nothing, one clear line for a mistake."""

from pathlib import Path

import pytest
from joserfc.jwk import ECKey, RSAKey

from dunwell import wiring
from dunwell.connectors.netsuite.client import NetSuiteLedger
from dunwell.connectors.netsuite.names import Names
from dunwell.engine.clock import SystemClock
from dunwell.environment import ConfigurationError, read_environment
from dunwell.policy.facts import Person
from tests.cli.run import dunwell, environment

KEY = ECKey.generate_key("P-256").as_pem(private=True).decode()
TOGETHER = (
    "NetSuite needs DUNWELL_NETSUITE_ACCOUNT, DUNWELL_NETSUITE_CLIENT_ID, DUNWELL_NETSUITE_CERTIFICATE_ID, "
    "DUNWELL_NETSUITE_PRIVATE_KEY_FILE together"
)
NO_KEY = (
    "the NetSuite private key is not a PEM text of an EC key (P-256, P-384, P-521) or an RSA key of 3072 bits or "
    "more, without a passphrase"
)


@pytest.fixture
def env(tmp_path: Path) -> dict[str, str]:
    """Everything that NetSuite needs."""
    (tmp_path / "private.pem").write_text(KEY)
    return {
        "DUNWELL_NETSUITE_ACCOUNT": "1234567_SB1",
        "DUNWELL_NETSUITE_CLIENT_ID": "client",
        "DUNWELL_NETSUITE_CERTIFICATE_ID": "certificate",
        "DUNWELL_NETSUITE_PRIVATE_KEY_FILE": str(tmp_path / "private.pem"),
    }


def refusal(env: dict[str, str]) -> str:
    with pytest.raises(ConfigurationError) as raised:
        read_environment(env)
    return str(raised.value)


def test_without_any_setting_there_is_no_netsuite() -> None:
    read = read_environment({"DUNWELL_NETSUITE_ACCOUNT": ""})

    assert (read.netsuite, read.signer_email) == (None, "")
    assert wiring.build_ports(read, SystemClock()).ledger is None


def test_four_settings_are_enough(env: dict[str, str]) -> None:
    read = read_environment(env)

    assert read.netsuite is not None
    assert read.netsuite.access.host("suitetalk") == "https://1234567-sb1.suitetalk.api.netsuite.com"
    assert read.netsuite.access.private_key == KEY.strip()
    assert (read.netsuite.names, read.netsuite.calls) == (Names(), 2)
    assert KEY.strip() not in repr(read)


def test_the_ports_have_the_ledger_and_who_signs(env: dict[str, str]) -> None:
    env["DUNWELL_MANAGER"] = "Maria Okafor <maria.okafor@us.example>"

    ports = wiring.build_ports(read_environment(env), SystemClock())

    assert isinstance(ports.ledger, NetSuiteLedger)
    assert ports.manager == Person("Maria Okafor", "maria.okafor@us.example")
    ports.ledger.close()


def test_without_a_manager_the_sender_signs(env: dict[str, str]) -> None:
    assert wiring.build_ports(read_environment({}), SystemClock()).manager is None


@pytest.mark.parametrize("name", ["ACCOUNT", "CLIENT_ID", "CERTIFICATE_ID", "PRIVATE_KEY_FILE"])
def test_one_that_is_missing_is_named(env: dict[str, str], name: str) -> None:
    del env[f"DUNWELL_NETSUITE_{name}"]

    assert refusal(env) == f"DUNWELL_NETSUITE_{name}: missing; {TOGETHER}"


@pytest.mark.parametrize("name", ["BASE_URL", "NAMES", "CALLS"])
def test_what_only_adds_to_the_others_needs_them(name: str) -> None:
    said = refusal({f"DUNWELL_NETSUITE_{name}": "1"})

    assert said == f"DUNWELL_NETSUITE_ACCOUNT: missing; {TOGETHER}"


def test_a_key_file_that_is_not_there_is_named(env: dict[str, str]) -> None:
    env["DUNWELL_NETSUITE_PRIVATE_KEY_FILE"] = "/nowhere/private.pem"

    assert refusal(env).startswith(
        "DUNWELL_NETSUITE_PRIVATE_KEY_FILE: cannot read /nowhere/private.pem: [Errno 2]"
    )


def test_a_folder_is_no_key(env: dict[str, str], tmp_path: Path) -> None:
    env["DUNWELL_NETSUITE_PRIVATE_KEY_FILE"] = str(tmp_path)

    assert refusal(env).startswith(f"DUNWELL_NETSUITE_PRIVATE_KEY_FILE: cannot read {tmp_path}: [Errno 21]")


@pytest.mark.parametrize(
    "content",
    [
        b"hello",
        RSAKey.generate_key(2048).as_pem(private=True),
        ECKey.generate_key("P-256").as_pem(private=False),
    ],
    ids=["text", "short", "public"],
)
def test_a_file_that_holds_no_usable_key_is_named_and_not_repeated(
    env: dict[str, str], tmp_path: Path, content: bytes
) -> None:
    (tmp_path / "private.pem").write_bytes(content)

    assert refusal(env) == f"DUNWELL_NETSUITE_PRIVATE_KEY_FILE: {NO_KEY}"


@pytest.mark.parametrize(
    ("content", "said"),
    [(b"", f"missing; {TOGETHER}"), (b"\xff\xfe", "cannot read ")],
    ids=["empty", "binary"],
)
def test_a_key_file_without_a_text_is_named(
    env: dict[str, str], tmp_path: Path, content: bytes, said: str
) -> None:
    (tmp_path / "private.pem").write_bytes(content)

    assert refusal(env).startswith(f"DUNWELL_NETSUITE_PRIVATE_KEY_FILE: {said}")


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("DUNWELL_NETSUITE_ACCOUNT", "evil.example/", "'evil.example/' is not a NetSuite account id"),
        ("DUNWELL_NETSUITE_BASE_URL", "netsuite", "must be an http or https address, not 'netsuite'"),
        ("DUNWELL_NETSUITE_CALLS", "many", "must be a number from 1 to 50, not 'many'"),
        ("DUNWELL_NETSUITE_CALLS", "0", "must be a number from 1 to 50, not '0'"),
        ("DUNWELL_NETSUITE_NAMES", "/nowhere/names.toml", "no such file: /nowhere/names.toml"),
        ("DUNWELL_MANAGER", "maria", "must look like Name <address>, not 'maria'"),
        ("DUNWELL_MANAGER", "maria@us.example", "a name is missing; must look like Name <address>, not "),
        (
            "DUNWELL_MANAGER",
            "Billing <billing@us.example>",
            "billing@us.example is a shared mailbox; mail must come from a person",
        ),
    ],
)
def test_a_malformed_setting_is_named(env: dict[str, str], name: str, value: str, said: str) -> None:
    assert refusal({**env, name: value}).startswith(f"{name}: {said}")


def test_it_ends_the_program_in_one_line_before_anything_is_done(tmp_path: Path) -> None:
    ran = dunwell("cases", env=environment(tmp_path, DUNWELL_NETSUITE_ACCOUNT="1234567"))

    assert ran.code == 2
    assert ran.complaint == f"dunwell: DUNWELL_NETSUITE_CLIENT_ID: missing; {TOGETHER}"


class TestNames:
    @pytest.fixture
    def path(self, env: dict[str, str], tmp_path: Path) -> Path:
        path = tmp_path / "names.toml"
        env["DUNWELL_NETSUITE_NAMES"] = str(path)
        return path

    def test_a_file_sets_what_it_names_and_nothing_else(self, env: dict[str, str], path: Path) -> None:
        path.write_text(
            'contact_roles = ["Buchhaltung"]\ncontact_field = "custentity_ap"\n'
            'mrr_field = "custentity_arr"\nmrr_field_months = 12\n'
        )

        read = read_environment({**env, "DUNWELL_NETSUITE_CALLS": "5"}).netsuite

        assert read is not None
        assert read.calls == 5
        assert read.names == Names(
            contact_roles=("Buchhaltung",),
            contact_field="custentity_ap",
            mrr_field="custentity_arr",
            mrr_field_months=12,
        )

    @pytest.mark.parametrize(
        ("line", "said"),
        [
            ('contact_role = ["AP"]', "contact_role: unknown key; did you mean contact_roles?"),
            ('colour = "red"', "colour: unknown key"),
            ('[mrr]\nfield = "x"', "mrr: unknown key"),
            ('contact_roles = "AP"', "contact_roles: must be a list of texts in quotes"),
            ("contact_roles = [1]", "contact_roles: must be a list of texts in quotes"),
            ("mrr_field = 7", "mrr_field: must be text in quotes"),
            ("mrr_field_months = true", "mrr_field_months: must be a whole number"),
            ("mrr_field_months = 2", "mrr_field_months: must be 1, 3 or 12"),
            ('contacts_by = "mail"', "contacts_by: must be 'restlet' or 'suiteql'"),
            (
                'contact_field = "email"',
                "contact_field: must be the id of a customer field, such as custentity_region",
            ),
            ('restlet_script = "x y"', "restlet_script: must be a script's id or number"),
            (
                'mrr_query = "SELECT 1"',
                "mrr_query: must ask about one customer: it lacks {customer_id}",
            ),
            ('contact_titles = "("', "contact_titles: is not a regular expression"),
            ("contact_roles = [", "not TOML: Invalid value"),
        ],
    )
    def test_a_mistake_has_its_file_line_and_key(
        self, env: dict[str, str], path: Path, line: str, said: str
    ) -> None:
        path.write_text(f"# ours\n{line}\n")

        assert refusal(env) == f"{path}:2: {said}"

    def test_every_mistake_has_its_line(self, env: dict[str, str], path: Path) -> None:
        path.write_text('colour = "red"\nmrr_field = 7\n')

        assert refusal(env).splitlines() == [
            f"{path}:1: colour: unknown key",
            f"{path}:2: mrr_field: must be text in quotes",
        ]

    def test_a_file_that_is_no_text_is_named(self, env: dict[str, str], path: Path) -> None:
        path.write_bytes(b"\xff")

        assert refusal(env).startswith(f"DUNWELL_NETSUITE_NAMES: cannot read {path}: ")
