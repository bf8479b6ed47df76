# syntax=docker/dockerfile:1
ARG PYTHON_VERSION=3.11

FROM python:${PYTHON_VERSION}-slim AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1
RUN python -m venv /opt/build && /opt/build/bin/pip install "build>=1.3" \
    && python -m venv /opt/clinicflow
WORKDIR /source
COPY . .
RUN /opt/build/bin/python -m build --wheel --outdir /wheel
RUN /opt/clinicflow/bin/pip install --constraint constraints.txt \
    "$(ls /wheel/clinicflow-*.whl)[postgres,web,cli]"

FROM python:${PYTHON_VERSION}-slim
ENV PATH=/opt/clinicflow/bin:$PATH PYTHONUNBUFFERED=1
RUN groupadd --gid 10001 clinicflow \
    && useradd --uid 10001 --gid clinicflow --no-create-home --home-dir /data clinicflow \
    && install --directory --owner clinicflow --group clinicflow /data
COPY --from=build /opt/clinicflow /opt/clinicflow
USER clinicflow
# Without a DATABASE_URL the embedded database is a file in here.
WORKDIR /data
EXPOSE 8000
HEALTHCHECK --interval=10s --timeout=3s --start-period=20s --retries=3 \
    CMD ["python", "-c", "from urllib.request import urlopen; urlopen('http://127.0.0.1:8000/health', timeout=2)"]
CMD ["clinicflow", "serve", "--host", "0.0.0.0", "--port", "8000"]
