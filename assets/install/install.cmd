@echo off
rem Installs ktx and its runtime from the unpacked bundle that this file lies in. Contacts nobody.
rem   install.cmd [options of ktx setup]
rem ktx goes to %LOCALAPPDATA%\ktx\app; %LOCALAPPDATA%\ktx\bin\ktx.cmd starts it.
rem Who made the bundle is checked before: see docs/air-gap.md.
setlocal
set "here=%~dp0"
if "%here:~-1%"=="\" set "here=%here:~0,-1%"
set "platform=win32-x64"
if /i "%PROCESSOR_ARCHITECTURE%"=="ARM64" set "platform=win32-arm64"
if not exist "%here%\bundle.json" (
  echo install.cmd: %here% is not an unpacked bundle: it has no bundle.json 1>&2
  exit /b 1
)
if not exist "%here%\node\%platform%\node.exe" (
  echo install.cmd: this bundle holds no Node for %platform% 1>&2
  exit /b 1
)
"%here%\node\%platform%\node.exe" "%here%\app\bin\ktx.cjs" bundle verify "%here%" || exit /b 1
set "target=%LOCALAPPDATA%\ktx"
if not exist "%target%\bin" mkdir "%target%\bin" || exit /b 1
if exist "%target%\app.new" rmdir /s /q "%target%\app.new"
xcopy /e /i /q /y "%here%\app" "%target%\app.new" >nul || exit /b 1
copy /y "%here%\node\%platform%\node.exe" "%target%\app.new\node.exe" >nul || exit /b 1
if exist "%target%\app.old" rmdir /s /q "%target%\app.old"
if exist "%target%\app" move /y "%target%\app" "%target%\app.old" >nul || exit /b 1
move /y "%target%\app.new" "%target%\app" >nul || exit /b 1
if exist "%target%\app.old" rmdir /s /q "%target%\app.old"
>"%target%\bin\ktx.cmd" echo @"%%~dp0..\app\node.exe" "%%~dp0..\app\bin\ktx.cjs" %%*
echo ktx is in %target%; put %target%\bin into PATH to type ktx.
call "%target%\bin\ktx.cmd" setup --bundle "%here%" %*
exit /b %ERRORLEVEL%
