"""What gunicorn serves."""

import os
from typing import cast
from wsgiref.types import WSGIApplication

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "dunwell.settings")
_django = get_wsgi_application()

from dunwell.web.webhook import WebhookDoor  # noqa: E402 - reads settings, which Django has only now

application = WebhookDoor(cast("WSGIApplication", _django))
