# ofa_bench on CPUs, without a GPU and without root: docs/docker.md tells how to build and use it.

FROM python:3.12-bookworm AS build
WORKDIR /source
COPY . .
# The C compiler of this image compiles the loops of searches into the wheel; the image below has none.
RUN pip wheel --no-cache-dir --no-deps --wheel-dir /wheels .

FROM python:3.12-slim-bookworm
# Which extras of pyproject.toml to install: "all", or some, such as "profile,peers".
ARG EXTRAS=all
# torch from PyPI would bring gigabytes of CUDA.
RUN pip install --no-cache-dir --index-url https://download.pytorch.org/whl/cpu 'torch>=2.4,<2.14'
# hadolint ignore=DL3013
RUN --mount=type=bind,from=build,source=/wheels,target=/wheels \
    wheel=$(echo /wheels/ofa_bench-*.whl) && pip install --no-cache-dir "${wheel}[${EXTRAS}]"
# A home that any user may write to, so that "docker run --user" works with any number.
RUN useradd --uid 1000 ofa && install --directory --owner=ofa --mode=1777 /home/ofa /home/ofa/.cache /work
# MLflow would warn that there is no git.
ENV HOME=/home/ofa USER=ofa GIT_PYTHON_REFRESH=quiet PYTHONUNBUFFERED=1
USER 1000
WORKDIR /work
# The page of MLflow, where it is started.
EXPOSE 5000
ENTRYPOINT ["ofa_bench"]
CMD ["--help"]
