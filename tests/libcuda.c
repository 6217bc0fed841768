/* A libcuda.so.1 without a GPU: cuInit answers STUB_CUINIT, and the driver serves the CUDA version in
   STUB_CUDA_VERSION. torch's CUDA runtime asks for all other functions by name, and gets one that answers the same. */
#include <stdlib.h>
#include <string.h>

static int number(const char *name, int otherwise) {
  const char *value = getenv(name);
  return value ? atoi(value) : otherwise;
}

int cuDriverGetVersion(int *version) {
  *version = number("STUB_CUDA_VERSION", 13000);
  return 0;
}

int cuInit(unsigned flags) {
  (void)flags;
  return number("STUB_CUINIT", 802);
}

int cuGetErrorName(int error, const char **name) {
  *name = error == 802 ? "CUDA_ERROR_SYSTEM_NOT_READY" : error == 100 ? "CUDA_ERROR_NO_DEVICE" : "CUDA_ERROR_UNKNOWN";
  return 0;
}

int cuGetErrorString(int error, const char **text) {
  *text = error == 802 ? "system not yet initialized" : error == 100 ? "no CUDA-capable device is detected" : "unknown error";
  return 0;
}

static int other(void) { return cuInit(0); }

int cuGetProcAddress_v2(const char *name, void **function, int version, unsigned long flags, void *status) {
  (void)version, (void)flags, (void)status;
  if (!strcmp(name, "cuDriverGetVersion")) *function = (void *)cuDriverGetVersion;
  else if (!strcmp(name, "cuGetErrorName")) *function = (void *)cuGetErrorName;
  else if (!strcmp(name, "cuGetErrorString")) *function = (void *)cuGetErrorString;
  else if (!strcmp(name, "cuGetProcAddress")) *function = (void *)cuGetProcAddress_v2;
  else *function = (void *)other;
  return 0;
}

int cuGetProcAddress(const char *name, void **function, int version, unsigned long flags) {
  return cuGetProcAddress_v2(name, function, version, flags, 0);
}
