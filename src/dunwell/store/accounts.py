"""Who can log in and who signs letters. Accounts are about us, not about a case, so they have no timeline."""

from django.contrib.auth.models import Group, Permission, User
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError

from dunwell.policy.facts import Person

# Held by the members of the group and by everybody who may do everything (`createsuperuser`).
APPROVE = "store.approve_letter"
SIGNERS = "manager"


class AccountError(Exception):
    """An account cannot be made or found; the message says why."""


def find_person(username: str) -> User | None:
    """Find an account by its log-in name."""
    return User.objects.filter(username=username).first()


def make_person(*, username: str, name: str, email: str, password: str) -> User:
    """Make an account that sees every case and signs nothing yet; raises `AccountError`."""
    first, _, last = name.strip().rpartition(" ")
    user = User(username=username, first_name=first or last, last_name=last if first else "", email=email)
    try:
        user.full_clean(exclude=["password"])
        validate_password(password, user)
    except ValidationError as error:
        raise AccountError(" ".join(error.messages)) from None
    user.set_password(password)
    user.save()
    return user


def change_person(user: User, *, name: str, email: str) -> None:
    """Give an account another name or address; what is empty stays. Raises `AccountError`."""
    first, _, last = name.strip().rpartition(" ")
    if name.strip():
        user.first_name, user.last_name = first or last, last if first else ""
    user.email = email.strip() or user.email
    try:
        user.full_clean(exclude=["password"])
    except ValidationError as error:
        raise AccountError(" ".join(error.messages)) from None
    user.save()


def writer(username: str) -> Person | None:
    """Whom an answer comes from: the name and address of an account; None for nobody who can log in."""
    found = User.objects.filter(username=username, is_active=True).first()
    return Person(found.get_full_name(), found.email) if found is not None else None


def set_signer(user: User, *, signs: bool) -> None:
    """Give or take the permission to approve letters."""
    group, _ = Group.objects.get_or_create(name=SIGNERS)
    if not signs:
        user.groups.remove(group)
        return
    app, codename = APPROVE.split(".")
    group.permissions.add(Permission.objects.get(content_type__app_label=app, codename=codename))
    user.groups.add(group)


def signers() -> tuple[str, ...]:
    """The names of everybody who may approve letters, in order."""
    users = User.objects.with_perm(APPROVE, backend="django.contrib.auth.backends.ModelBackend")
    return tuple(sorted(user.get_full_name() or user.username for user in users.distinct()))


def fingerprint(user: int) -> str | None:
    """What changes with a person's password; None for nobody, or somebody who can no longer log in."""
    found = User.objects.filter(pk=user, is_active=True).first()
    return found.get_session_auth_hash()[:16] if found is not None else None
